"""A telephony event gateway: events from RabbitMQ, filtered per person, over encrypted WebSockets.

The rule: code that decides does no I/O; code that does I/O makes no decisions.

One folder per layer. A folder imports only from the folders above it in this list:

    api/           what a plug-in imports: interfaces, events, requests, identity, effects, settings
    core/          pure logic: ACL, index, session inbox, WebSocket frames, HTTP head, admission
    system/        the operating system: sockets, signals, systemd, exit status
    logs/          log records, levels, sinks, deduplication, redaction
    endpoints/     endpoint strings, certificates, outgoing TLS
    config/        YAML files to settings; plug-in discovery
    delivery/      the hot path: relay, send queue, writers, upstream bindings, compression
    buses/         where events come from: amqp/, memory
    auth/          the owner of a token: wazo, static, and what they share
    web/           the live page
    connections/   listeners, proxied connections, handshake, peer, session runner, timers, registry
    dialects/      the protocols: wazo/ voipbin/ isymphony/ innovaphone/
    admin/         metrics, status listener, sessions
    app/           one gateway as a service: composition, start, reload, drain
    workers/       supervisor and worker processes
    client/        Twisted clients
    demo/          the made-up companies of the embedded default
    cli/           the command `wsevents`

`tap.py` is what `twistd` runs. `docs/architecture.md` follows an event and a frame through the folders.
"""

__version__ = "0.1.0"
