/* What a service manager is told: datagrams to $NOTIFY_SOCKET in systemd's protocol; nothing happens where that is not set. */
#ifndef DAEMON_SERVICE_H
#define DAEMON_SERVICE_H

/* E.g. "READY=1\nSTATUS=…". What can't be sent is lost: the daemon goes on without its manager. */
void service_notify(const char *state);

#endif
