/* The load generator: WebSocket clients over TLS, all in one thread, with minimal CPU cost.
 *
 *     load PORT PEERS PATH REPLIES AT_ONCE BUFFER [MESSAGE ...]
 *
 * opens PEERS connections to 127.0.0.1:PORT, with at most AT_ONCE concurrent handshakes, and requests
 * PATH; # in it is replaced by the number of the peer, from 1. After the upgrade each peer sends the
 * MESSAGEs; it is ready when it has received REPLIES text frames. BUFFER is the size of the socket's
 * receive buffer in bytes; 0 keeps the default.
 *
 * When every peer is ready or has failed, it prints one line of JSON. Then it executes the commands
 * on standard input, one per line, and answers each with one line of JSON, until the input ends:
 *
 *     begin              discard the samples
 *     await N SECONDS    answer when N samples were taken, or after SECONDS
 *     ignore N           take no samples from the first N peers
 *     stall N            make the first N peers stop reading
 *     samples FILE       write each sample as two 64-bit integers: when it was sent and received, in
 *                        microseconds since 1970
 *
 * A sample is a text frame that contains "sent": and an integer.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define ROOM (1 << 20)     /* size of the read buffer, which all peers share; limits the frame size */
#define TIMEOUT 180.0      /* seconds for all handshakes together */
#define STAMP "\"sent\":"
#define CODES 5000

enum state { ABSENT, CONNECTING, SHAKING, UPGRADING, TALKING, GONE };

struct peer {
    int fd, number, replies;
    enum state state;
    SSL *ssl;
    unsigned char *rest; /* the beginning of an incomplete frame */
    size_t rest_size;
};

struct sample {
    int64_t sent, received;
};

static struct peer *peers;
static int wanted, started, ready, failed, closed, port, replies, at_once, receive_buffer, message_count, ignored;
static const char *path, *cipher = "";
static char **messages;
static SSL_CTX *tls;
static int poll_fd, announced;
static unsigned char room[ROOM];
static struct sample *samples;
static size_t taken, space;
static long codes[CODES];

static void stop(const char *what) {
    fprintf(stderr, "load: %s: %s\n", what, strerror(errno));
    exit(1);
}

static int64_t clock_us(clockid_t which) {
    struct timespec now;
    clock_gettime(which, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static double seconds(void) { return clock_us(CLOCK_MONOTONIC) / 1e6; }

static void answer(void) {
    const char *comma = "";
    printf("{\"wanted\": %d, \"open\": %d, \"failed\": %d, \"closed\": %d, \"samples\": %zu, \"tls\": \"%s\", \"codes\": {",
           wanted, ready, failed, closed, taken, cipher);
    for (int code = 0; code < CODES; code++)
        if (codes[code]) {
            printf("%s\"%d\": %ld", comma, code, codes[code]);
            comma = ", ";
        }
    printf("}}\n");
    fflush(stdout);
}

/* -- one peer */

static void watch(struct peer *peer, int operation, uint32_t events) {
    struct epoll_event event = {.events = events, .data.ptr = peer};
    if (epoll_ctl(poll_fd, operation, peer->fd, &event)) stop("epoll_ctl");
}

static void lose(struct peer *peer) {
    if (peer->state == TALKING && peer->replies <= 0) {
        ready--;
        closed++;
    } else {
        failed++;
    }
    peer->state = GONE;
    SSL_free(peer->ssl);
    close(peer->fd);
    free(peer->rest);
    peer->rest = NULL;
    peer->rest_size = 0;
}

/* Messages are short and the send buffer is empty, so a partial write is an error. */
static int tell(struct peer *peer, const void *data, size_t size) {
    return SSL_write(peer->ssl, data, (int)size) == (int)size;
}

static int tell_frame(struct peer *peer, int opcode, const unsigned char *data, size_t size) {
    unsigned char frame[65536 + 8];
    size_t head = 2;
    if (size > 65535) return 0;
    frame[0] = 0x80 | opcode;
    if (size < 126) {
        frame[1] = 0x80 | (unsigned char)size;
    } else {
        frame[1] = 0x80 | 126;
        frame[2] = (unsigned char)(size >> 8);
        frame[3] = (unsigned char)size;
        head = 4;
    }
    memset(frame + head, 0, 4); /* a mask of zeros leaves the data unchanged */
    memcpy(frame + head + 4, data, size);
    return tell(peer, frame, head + 4 + size);
}

static int ask(struct peer *peer) {
    char request[4096];
    const char *mark = strchr(path, '#');
    int before = mark ? (int)(mark - path) : (int)strlen(path);
    char number[16] = "";
    if (mark) snprintf(number, sizeof number, "%d", peer->number);
    int size = snprintf(request, sizeof request,
                        "GET %.*s%s%s HTTP/1.1\r\nHost: localhost:%d\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n",
                        before, path, number, mark ? mark + 1 : "", port);
    peer->state = UPGRADING;
    if (!*cipher) cipher = strdup(SSL_CIPHER_get_name(SSL_get_current_cipher(peer->ssl)));
    return size < (int)sizeof request && tell(peer, request, size);
}

static void take(const unsigned char *text, size_t size) {
    const unsigned char *stamp = memmem(text, size, STAMP, strlen(STAMP));
    if (!stamp) return;
    if (taken == space) {
        space = space ? space * 2 : 1 << 16;
        samples = realloc(samples, space * sizeof *samples);
        if (!samples) stop("realloc");
    }
    samples[taken].received = clock_us(CLOCK_REALTIME);
    samples[taken++].sent = strtoll((const char *)stamp + strlen(STAMP), NULL, 10);
}

/* Returns 0 if the connection must be closed. */
static int heard(struct peer *peer, int opcode, const unsigned char *data, size_t size) {
    if (opcode == 8) {
        int code = size >= 2 ? data[0] << 8 | data[1] : 1005;
        if (code < CODES) codes[code]++;
        return 0;
    }
    if (opcode == 9) return tell_frame(peer, 10, data, size);
    if (opcode != 1) return 1;
    if (peer->replies > 0) {
        if (--peer->replies == 0) ready++;
    } else if (peer->number > ignored) {
        take(data, size);
    }
    return 1;
}

/* Returns the number of bytes in complete frames; -1 if the connection must be closed. */
static long frames(struct peer *peer, const unsigned char *data, size_t size) {
    size_t at = 0;
    while (size - at >= 2) {
        const unsigned char *frame = data + at;
        size_t head = 2, length = frame[1] & 127;
        if (length > 125) {
            size_t more = length == 126 ? 2 : 8;
            if (size - at < 2 + more) break;
            for (length = 0; head < 2 + more; head++) length = length << 8 | frame[head];
        }
        if (length > ROOM) return -1;
        if (size - at < head + length) break;
        if (!heard(peer, frame[0] & 15, frame + head, length)) return -1;
        at += head + length;
    }
    return (long)at;
}

static long upgraded(struct peer *peer, const unsigned char *data, size_t size) {
    const unsigned char *end = memmem(data, size, "\r\n\r\n", 4);
    if (!end) return size < 16384 ? 0 : -1;
    if (size < 12 || memcmp(data, "HTTP/1.1 101", 12)) return -1;
    peer->state = TALKING;
    if (!peer->replies) ready++;
    for (int each = 0; each < message_count; each++)
        if (!tell_frame(peer, 1, (const unsigned char *)messages[each], strlen(messages[each]))) return -1;
    return (long)(end + 4 - data);
}

/* Returns the number of bytes used; -1 if the connection must be closed. */
static long understand(struct peer *peer, const unsigned char *data, size_t size) {
    long head = 0;
    if (peer->state == UPGRADING) {
        head = upgraded(peer, data, size);
        if (head <= 0) return head;
    }
    long used = frames(peer, data + head, size - (size_t)head);
    return used < 0 ? -1 : head + used;
}

static int keep(struct peer *peer, const unsigned char *data, size_t size) {
    if (!size && !peer->rest_size) return 1;
    free(peer->rest);
    peer->rest = size ? malloc(size) : NULL;
    peer->rest_size = size;
    if (size && !peer->rest) return 0;
    if (size) memcpy(peer->rest, data, size);
    return 1;
}

static int listen_to(struct peer *peer) {
    do {
        size_t have = peer->rest_size;
        if (have) memcpy(room, peer->rest, have);
        int got = SSL_read(peer->ssl, room + have, (int)(ROOM - 1 - have));
        if (got <= 0) return SSL_get_error(peer->ssl, got) == SSL_ERROR_WANT_READ;
        have += (size_t)got;
        room[have] = 0; /* strtoll stops here at the latest */
        long used = understand(peer, room, have);
        if (used < 0 || !keep(peer, room + used, have - (size_t)used)) return 0;
    } while (SSL_has_pending(peer->ssl));
    return 1;
}

static int shake(struct peer *peer) {
    int done = SSL_connect(peer->ssl);
    if (done == 1) {
        watch(peer, EPOLL_CTL_MOD, EPOLLIN);
        return ask(peer);
    }
    int why = SSL_get_error(peer->ssl, done);
    if (why != SSL_ERROR_WANT_READ && why != SSL_ERROR_WANT_WRITE) return 0;
    watch(peer, EPOLL_CTL_MOD, why == SSL_ERROR_WANT_READ ? EPOLLIN : EPOLLOUT);
    return 1;
}

static int connected(struct peer *peer) {
    int error = 0;
    socklen_t size = sizeof error;
    getsockopt(peer->fd, SOL_SOCKET, SO_ERROR, &error, &size);
    peer->state = SHAKING;
    return !error;
}

static void wake(struct peer *peer) {
    int well = 1;
    if (peer->state == CONNECTING) well = connected(peer);
    if (well && peer->state == SHAKING) well = shake(peer);
    else if (well) well = listen_to(peer);
    if (!well) {
        ERR_clear_error();
        lose(peer);
    }
}

static void start(struct peer *peer, int number) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int yes = 1;
    peer->number = number;
    peer->replies = replies;
    peer->state = CONNECTING;
    peer->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (peer->fd < 0) stop("socket");
    setsockopt(peer->fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    if (receive_buffer) setsockopt(peer->fd, SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof receive_buffer);
    peer->ssl = SSL_new(tls);
    if (!peer->ssl || !SSL_set_fd(peer->ssl, peer->fd)) stop("SSL_new");
    if (connect(peer->fd, (void *)&address, sizeof address) && errno != EINPROGRESS) stop("connect");
    watch(peer, EPOLL_CTL_ADD, EPOLLOUT);
}

/* -- all peers */

static size_t awaited;
static double deadline; /* 0: no command is waiting */

static void look(void) {
    while (started < wanted && started - ready - failed - closed < at_once) {
        start(&peers[started], started + 1);
        started++;
    }
    if (!announced && (ready + failed + closed >= wanted || seconds() > deadline)) {
        announced = 1;
        deadline = 0;
        answer();
    } else if (announced && deadline && (taken >= awaited || seconds() > deadline)) {
        deadline = 0;
        answer();
    }
}

static void stall(int count) {
    for (int each = 0; each < count && each < wanted; each++)
        if (peers[each].state == TALKING) epoll_ctl(poll_fd, EPOLL_CTL_DEL, peers[each].fd, NULL);
    answer();
}

static void write_samples(const char *name) {
    FILE *file = fopen(name, "wb");
    if (!file || fwrite(samples, sizeof *samples, taken, file) != taken || fclose(file)) stop(name);
    answer();
}

static void obey(const char *line) {
    char name[1024];
    double patience;
    int count;
    if (!strcmp(line, "begin")) {
        taken = 0;
        answer();
    } else if (sscanf(line, "await %zu %lf", &awaited, &patience) == 2) {
        deadline = seconds() + patience;
    } else if (sscanf(line, "ignore %d", &ignored) == 1) {
        answer();
    } else if (sscanf(line, "stall %d", &count) == 1) {
        stall(count);
    } else if (sscanf(line, "samples %1023[^\n]", name) == 1) {
        write_samples(name);
    } else {
        errno = EINVAL;
        stop(line);
    }
}

/* Returns 0 at the end of the input. */
static int read_orders(void) {
    static char line[2048];
    static size_t length;
    ssize_t got = read(STDIN_FILENO, line + length, sizeof line - 1 - length);
    if (got <= 0) return 0;
    length += (size_t)got;
    line[length] = 0;
    for (char *end; (end = memchr(line, '\n', length));) {
        *end = 0;
        obey(line);
        length -= (size_t)(end + 1 - line);
        memmove(line, end + 1, length + 1);
    }
    return 1;
}

static void prepare(void) {
    struct rlimit files;
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    tls = SSL_CTX_new(TLS_client_method());
    /* The same TLS parameters for every server; the certificate is not verified. */
    if (!tls || !SSL_CTX_set_min_proto_version(tls, TLS1_3_VERSION) ||
        !SSL_CTX_set_ciphersuites(tls, "TLS_AES_256_GCM_SHA384") || !SSL_CTX_set1_groups_list(tls, "X25519"))
        stop("TLS");
    SSL_CTX_set_verify(tls, SSL_VERIFY_NONE, NULL);
    SSL_CTX_set_mode(tls, SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_read_ahead(tls, 1); /* one read per record, not two */
    poll_fd = epoll_create1(EPOLL_CLOEXEC);
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = NULL};
    if (poll_fd < 0 || epoll_ctl(poll_fd, EPOLL_CTL_ADD, STDIN_FILENO, &event)) stop("epoll");
}

int main(int count, char **words) {
    if (count < 7) {
        fprintf(stderr, "usage: load PORT PEERS PATH REPLIES AT_ONCE BUFFER [MESSAGE ...]\n");
        return 2;
    }
    port = atoi(words[1]);
    wanted = atoi(words[2]);
    path = words[3];
    replies = atoi(words[4]);
    at_once = atoi(words[5]);
    receive_buffer = atoi(words[6]);
    messages = words + 7;
    message_count = count - 7;
    peers = calloc((size_t)wanted + 1, sizeof *peers);
    if (!peers) stop("calloc");
    prepare();
    deadline = seconds() + TIMEOUT;
    for (;;) {
        struct epoll_event events[256];
        look();
        int woken = epoll_wait(poll_fd, events, 256, deadline ? 20 : -1);
        for (int each = 0; each < woken; each++) {
            struct peer *peer = events[each].data.ptr;
            if (!peer) {
                if (!read_orders()) return 0;
            } else if (peer->state != GONE) {
                wake(peer);
            }
        }
    }
}
