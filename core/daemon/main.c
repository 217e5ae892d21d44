/* Grapnel: receives signed webhooks, keeps each event safely, delivers it to plugins.
 *
 * This page shows it all. `grapnel serve` is the daemon: daemon/serve.c, to be read from serve_run at its end. To follow one
 * event, read on in (core/README.md has the same way with every step and function)
 *   receive/server.c        civetweb calls request_begins for each request
 *   receive/exchange.h      what a thread knows of the request in its hands, and whose that is when
 *   receive/accept.c        the request: verified, parsed, routed
 *   receive/exchange.c      handed to the store, which answers from another thread
 *   store/sqlite/writer.c   all that waits becomes one commit (group.c); only then the senders hear 200
 *   deliver/dispatch.c      dispatch_committed: handed to the pools of the plugins that it is routed to
 *   deliver/pool_queue.c    pool_offer: it waits for a worker
 *   deliver/pool_feed.c     given to one   (worker.c: one child process)
 *   host/host.c             beyond the wall: the plugin's deliver is called
 *   deliver/worker_frames.c   what the plugin said comes back
 *   deliver/pool_outcome.c  done, another attempt later, or a dead letter
 *   store/sqlite/outbox.c   written down: dispatch_settle gave it to the writer */
#include "base/process.h"
#include "cli/cli.h"
#include "daemon/serve.h"

static const struct command commands[] = {
    { "serve", "", "Run in the foreground: receive, store, deliver; SIGTERM stops",
      "Logs to stderr; the line `ready` tells the addresses. Exit code 75 means that the disk failed under the store: "
      "start again, and it\n"
      "recovers from what is on disk.",
      serve_options, serve_run },
    { "check", "", "Check the config file and the plugins, without starting anything that lasts", NULL, check_options,
      check_run },
    { "status", "", "Show how the running daemon is doing, on one page",
      "Workers, deliveries that wait (pending: never attempted; retrying: failed so far) and that were given up,\n"
      "breakers, and what to do next. Exit code 1 if no daemon runs. Of the config file only `state:` is read.",
      status_options, status_run },
    { "events", "", "List what was accepted, the newest first, and how far its deliveries are", NULL, events_options,
      events_run },
    { "show", "SOURCE/ID", "Tell one event's whole story",
      "Received when, verified by which secret, and for each plugin every attempt that is kept (the first and the\n"
      "last ones) with its message, and what became of it.",
      show_options, show_run },
    { "dead", "", "List the deliveries that were given up, and what their last attempt said", NULL, dead_options,
      dead_run },
    { "retry", "[SOURCE/ID]", "Deliver one dead letter of a plugin again, or all of them",
      "With fresh attempts and the same key as before: for the plugin it is the same delivery. --all works in\n"
      "batches; Ctrl-C ends it between two of them (exit code 130), and the same command goes on with the rest.",
      retry_options, retry_run },
    { "replay", "[SOURCE/ID]", "Deliver an event once more, or all that a filter finds",
      "A new effect: the plugins get a new key, which ends in ~1, ~2 … Where the event is still open or dead, it is\n"
      "left alone. An event that had no route goes by today's routes. Many are done in batches, the oldest first;\n"
      "Ctrl-C ends it between two of them (exit code 130), and it tells with which --from the same command goes on.\n"
      "On a terminal a filter's events are delivered only after asking, unless --yes says so; a script is not asked.",
      replay_options, replay_run },
    { "discard", "[SOURCE/ID]", "Drop one dead letter of a plugin, or all of them",
      "They will never be delivered; their events and stories stay as long as any. Of a plugin that the config has\n"
      "no more, --all drops what is open, too. On a terminal --all asks first, unless --yes says so; in a\n"
      "script it does not ask. In batches, as retry.",
      discard_options, discard_run },
    { "backup", "FILE", "Copy the store into a new FILE, also while the daemon works with it",
      "The copy is whole as of one moment, and checked. To restore it, stop the daemon, move the state folder away\n"
      "and put FILE as grapnel.db into a new one.",
      backup_options, backup_run },
    { "compact", "", "Give back the disk space that deleted events left in the store",
      "The daemon must be stopped. Needs free disk space for a second copy meanwhile.", compact_options, compact_run },
    { "send", "", "Sign an event as the source's sender would, and post it",
      "The first of the source's secrets signs. Prints each answer, of more than 10 how many there were of each kind;\n"
      "exit code 1 if one of them is not a 2xx.",
      send_options, send_run },
    { "explain", "", "Say whether a request would be accepted, and if not, why",
      "One line a step of accepting: ok, skipped (with what is missing to judge it), or the reason. A wrong\n"
      "signature is tried against everyday mistakes: the secret's form, a body that was changed, other senders.\n"
      "No secret and no signature that would be right is ever printed. Exit code 1 if a step refuses, or no route\n"
      "takes the event.",
      explain_options, explain_run },
    { "refused", "", "Print the last requests that the running daemon refused, and why",
      "The newest first: of each source and of what came to none the last 100, and at most 1000 in all. The reasons\n"
      "hold neither secrets nor anything of a body. Of the config file only `state:` is read.",
      refused_options, refused_run },
    { "version", "", "Print the version", NULL, NULL, version_run },
    { "plugin describe", "FILE", "Print what a plugin says about itself: name, version, settings",
      "FILE is the shared object, or the name of an installed one. It is loaded in a process of its own; nothing of it "
      "but its description\nis used.",
      plugin_describe_options, plugin_describe_run },
    { "help", "[COMMAND [SUBCOMMAND]]", "Print the commands, or one command's options", NULL, NULL, help_run },
    { 0 },
};

int main(int argc, char **argv) {
    process_hide(); /* most commands read secrets from the config */
    return command_run(commands, argc, argv);
}
