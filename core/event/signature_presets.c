/* The senders that Grapnel knows by name. A new one is a new row, with a published example in tests/unit/event/test_signature.c. */
#include <string.h>

#include "event/signature.h"

static const struct signature_scheme presets[] = {
    {
        .name = "cryptopay",
        .summary = "CryptoPay: t=… and v1=… in X-CryptoPay-Signature; the whole whsec_… text is the key",
        .header = "X-CryptoPay-Signature",
        .separator = ",",
        .items = { "t={timestamp}", "v1={hex}" },
        .signed_template = "{timestamp}.{body}",
        .event_id = { "/id" },
        .event_type = { "/type" },
    },
    {
        .name = "cryptopay-callback",
        .summary = "Cryptopay callbacks: hex over the body in X-Cryptopay-Signature, without a time",
        .header = "X-Cryptopay-Signature",
        .separator = ",",
        .items = { "{hex}" },
        .signed_template = "{body}",
        /* These callbacks have no id of their own: one for each state that an invoice or payment gets into. */
        .event_id = { "/data/id", "/event", "/data/status" },
        .event_type = { "/type", "/event" },
    },
    {
        .name = "stripe",
        .summary = "Stripe: t=… and v1=… in Stripe-Signature; the whole whsec_… text is the key",
        .header = "Stripe-Signature",
        .separator = ",",
        .items = { "t={timestamp}", "v1={hex}" },
        .signed_template = "{timestamp}.{body}",
        .event_id = { "/id" },
        .event_type = { "/type" },
    },
    {
        .name = "standard",
        .summary = "Standard Webhooks v1 (Svix too): webhook-id, webhook-timestamp and webhook-signature",
        .header = "webhook-signature/svix-signature",
        .separator = " ",
        .items = { "v1,{base64}" },
        .signed_template = "{id}.{timestamp}.{body}",
        .timestamp_header = "webhook-timestamp/svix-timestamp",
        .id_header = "webhook-id/svix-id",
        .secret = SIGNATURE_SECRET_BASE64,
        .event_id = { "header:webhook-id/svix-id" },
        .event_type = { "/type" },
    },
    {
        .name = "github",
        .summary = "GitHub: sha256=… over the body in X-Hub-Signature-256, without a time",
        .header = "X-Hub-Signature-256",
        .separator = ",",
        .items = { "sha256={hex}" },
        .signed_template = "{body}",
        .event_id = { "header:X-GitHub-Delivery" },
        .event_type = { "header:X-GitHub-Event" },
    },
    {
        .name = "shopify",
        .summary = "Shopify: base64 over the body in X-Shopify-Hmac-Sha256, without a time",
        .header = "X-Shopify-Hmac-Sha256",
        .separator = ",",
        .items = { "{base64}" },
        .signed_template = "{body}",
        .event_id = { "header:X-Shopify-Webhook-Id" },
        .event_type = { "header:X-Shopify-Topic" },
    },
    {
        .name = "slack",
        .summary = "Slack Events API: v0=… in X-Slack-Signature, the time in X-Slack-Request-Timestamp",
        .header = "X-Slack-Signature",
        .separator = ",",
        .items = { "v0={hex}" },
        .signed_template = "v0:{timestamp}:{body}",
        .timestamp_header = "X-Slack-Request-Timestamp",
        .event_id = { "/event_id" },
        .event_type = { "/event/type" },
        .challenge = { "/type", "url_verification", "/challenge" },
    },
    {
        .name = "square",
        .summary = "Square: base64 over the registered URL and the body in x-square-hmacsha256-signature",
        .header = "x-square-hmacsha256-signature",
        .separator = ",",
        .items = { "{base64}" },
        .signed_template = "{url}{body}",
        .event_id = { "/event_id" },
        .event_type = { "/type" },
    },
    {
        .name = "paddle",
        .summary = "Paddle Billing: ts=… and h1=… in Paddle-Signature",
        .header = "Paddle-Signature",
        .separator = ";",
        .items = { "ts={timestamp}", "h1={hex}" },
        .signed_template = "{timestamp}:{body}",
        .event_id = { "/event_id" },
        .event_type = { "/event_type" },
    },
    {
        .name = "coinbase-commerce",
        .summary = "Coinbase Commerce: hex over the body in X-CC-Webhook-Signature, without a time",
        .header = "X-CC-Webhook-Signature",
        .separator = ",",
        .items = { "{hex}" },
        .signed_template = "{body}",
        .event_id = { "/event/id" },
        .event_type = { "/event/type" },
    },
    { .name = NULL },
};

const struct signature_scheme *signature_presets(void) {
    return presets;
}

const struct signature_scheme *signature_preset(const char *name) {
    for (const struct signature_scheme *preset = presets; preset->name; preset++) {
        if (strcmp(preset->name, name) == 0)
            return preset;
    }
    return NULL;
}
