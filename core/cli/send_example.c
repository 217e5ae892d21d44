#include "cli/send_example.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "example_coinbase_commerce_charge_confirmed.h"
#include "example_cryptopay_callback_Invoice.h"
#include "example_cryptopay_payment_intent_succeeded.h"
#include "example_github_push.h"
#include "example_paddle_transaction_completed.h"
#include "example_shopify_orders_create.h"
#include "example_slack_message.h"
#include "example_square_payment_updated.h"
#include "example_standard_invoice_paid.h"
#include "example_stripe_invoice_paid.h"

#define JSON_TYPE "application/json"

static const struct send_example examples[] = {
    { "cryptopay", "payment_intent.succeeded", "evt_", JSON_TYPE, "/id", "",
      example_cryptopay_payment_intent_succeeded },
    { "cryptopay-callback", "Invoice", NULL, JSON_TYPE, "/data/id", "", example_cryptopay_callback_Invoice },
    { "stripe", "invoice.paid", "evt_", JSON_TYPE "; charset=utf-8", "/id", "", example_stripe_invoice_paid },
    { "standard", "invoice.paid", "msg_", JSON_TYPE, "/data/id", "", example_standard_invoice_paid },
    { "github", "push", NULL, JSON_TYPE, "/after",
      "X-GitHub-Hook-ID: 1007\r\nX-GitHub-Hook-Installation-Target-Type: repository\r\n", example_github_push },
    { "shopify", "orders/create", NULL, JSON_TYPE, "/token",
      "X-Shopify-Shop-Domain: shop.example\r\nX-Shopify-API-Version: 2026-01\r\nX-Shopify-Test: true\r\n",
      example_shopify_orders_create },
    { "slack", "message", "Ev", JSON_TYPE, "/event_id", "", example_slack_message },
    { "square", "payment.updated", NULL, JSON_TYPE, "/event_id", "", example_square_payment_updated },
    { "paddle", "transaction.completed", "evt_", JSON_TYPE, "/event_id", "", example_paddle_transaction_completed },
    { "coinbase-commerce", "charge:confirmed", NULL, JSON_TYPE, "/event/id", "",
      example_coinbase_commerce_charge_confirmed },
    { NULL, "payment.succeeded", "evt_", JSON_TYPE, "/id", "", "{\"data\":{\"object\":{}}}" },
};

const struct send_example *send_example_of(const char *preset) {
    const struct send_example *example = examples;
    while (example->preset && (!preset || strcmp(example->preset, preset) != 0))
        example++;
    return example;
}

bool send_new_id(const struct send_example *example, char id[SEND_ID_SIZE], struct fault *fault) {
    unsigned char random[16];
    char hex[2 * sizeof random + 1];
    if (getrandom(random, sizeof random, 0) != sizeof random)
        return fault_set(fault, "can't make up an id: %s; give one with --id", strerror(errno));
    /* The marks of a random UUID (RFC 9562). */
    random[6] = (unsigned char)(0x40 | (random[6] & 0x0f));
    random[8] = (unsigned char)(0x80 | (random[8] & 0x3f));
    hex_encode(random, sizeof random, hex);
    if (example->id_prefix)
        snprintf(id, SEND_ID_SIZE, "%s%.24s", example->id_prefix, hex);
    else
        snprintf(id, SEND_ID_SIZE, "%.8s-%.4s-%.4s-%.4s-%.12s", hex, hex + 8, hex + 12, hex + 16, hex + 20);
    return true;
}
