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
