"""What `twistd` lists: the name and the module, nothing of wsevents is imported here."""

from twisted.application.service import ServiceMaker

wsevents = ServiceMaker("wsevents", "wsevents.tap", "Telephony events over encrypted WebSockets", "wsevents")
