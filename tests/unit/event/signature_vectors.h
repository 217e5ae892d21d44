/* Signatures that senders and their libraries publish: secret, request, and what the header must be. */
#ifndef TEST_SIGNATURE_VECTORS_H
#define TEST_SIGNATURE_VECTORS_H

#include "event/signature.h"

struct signature_vector {
    const char *preset;                    /* or: */
    const struct signature_scheme *scheme; /* spelled out */
    const char *secret, *timestamp, *id, *url, *body, *signature;
};

static const struct signature_scheme bare_hex = {
    .header = "X-Signature",
    .items = { "{hex}" },
    .signed_template = "{body}",
};
static const struct signature_scheme convoy = {
    .header = "X-Convoy-Signature",
    .items = { "t={timestamp}", "v1={hex}" },
    .signed_template = "{timestamp},{body}",
};

static const struct signature_vector signature_vectors[] = {
    { .preset = "stripe",
      .secret = "webhook_secret",
      .timestamp = "1533204620",
      .body = "{\n  \"id\": \"evt_123\",\n  \"object\": \"event\",\n  \"account\": \"acct_123\",\n  \"api_v"
              "ersion\": \"2017-05-25\",\n  \"created\": 1533204620,\n  \"data\": {\n    \"object\": {\n   "
              "   \"id\": \"ii_123\",\n      \"object\": \"invoiceitem\",\n      \"amount\": 1000,\n      "
              "\"currency\": \"usd\",\n      \"customer\": \"cus_123\",\n      \"date\": 1533204620,\n     "
              " \"description\": \"Test Invoice Item\",\n      \"discountable\": false,\n      \"invoice\":"
              " \"in_123\",\n      \"livemode\": false,\n      \"metadata\": {},\n      \"period\": {\n    "
              "    \"start\": 1533204620,\n        \"end\": 1533204620\n      },\n      \"plan\": null,\n  "
              "    \"proration\": false,\n      \"quantity\": null,\n      \"subscription\": null\n    }\n "
              " },\n  \"livemode\": false,\n  \"pending_webhooks\": 1,\n  \"request\": {\n    \"id\": \"req"
              "_123\",\n    \"idempotency_key\": \"idempotency-key-123\"\n  },\n  \"type\": \"invoiceitem.c"
              "reated\"\n}\n",
      .signature = "t=1533204620,v1=f0bdba6d4eacbd8ad8a3bbadd7248e633ec1477f7899c124c51b39405fa36613,v0=63f3a723"
                   "74a733066c4be69ed7f8e5ac85c22c9f0a6a612ab9a025a9e4ee7eef" },
    { .scheme = &bare_hex,
      .secret = "test_secret",
      .body = "",
      .signature = "f7f9bd47fb987337b5796fdc1fdb9ba221d0d5396814bfcaf9521f43fd8927fd" },
    { .scheme = &bare_hex,
      .secret = "test_secret",
      .body = "{\"obj1\":\"hello\",\"obj2\":\"world\"}",
      .signature = "bebb1a643997f419b315ddba19e6f5411e1ce7f810ba6d3617ce72823092f363" },
    { .preset = "standard",
      .secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
      .timestamp = "1614265330",
      .id = "msg_p5jXN8AQM9LWM0D4loKWxJek",
      .body = "{\"test\": 2432232314}",
      .signature = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=" },
    { .preset = "github",
      .secret = "It's a Secret to Everybody",
      .body = "Hello, World!",
      .signature = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17" },
    { .preset = "github",
      .secret = "development",
      .body = "{\"foo\":\"Foo\\n\\u001B[34mbar: \342\231\245\342\231\245\342\231\245\342\231\245\342\231"
              "\245\342\231\245\342\231\245\342\231\245\\nthis-is-lost\\u001B[0m\\u001B[2K\"}",
      .signature = "sha256=afecc3caa27548bb90d51a50384cb2868b9a3327b4ad6a01c9bd4ed0f8b0b12c" },
    { .preset = "shopify",
      .secret = "test_secret_key",
      .body = "{\"foo\": \"bar\"}",
      .signature = "B23tXN681gZ0qIWNRrgtzBE9XSDo5yaUu6wfmhu3a7g=" },
    { .preset = "slack",
      .secret = "8f742231b10e8888abcd99yyyzzz85a5",
      .timestamp = "1531420618",
      .body = "token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3"
              "V&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text"
              "=&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfm"
              "ibIGlgcZRskXaIFfN&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c",
      .signature = "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503" },
    { .preset = "square",
      .secret = "asdf1234",
      .url = "https://example.com/webhook",
      .body = "{\"hello\":\"world\"}",
      .signature = "2kRE5qRU2tR+tBGlDwMEw2avJ7QM4ikPYD/PJ3bd9Og=" },
    { .preset = "paddle",
      .secret = "VALID_SECRET",
      .timestamp = "1698796800",
      .body = "{\"data\": [\"1\", \"2\"]}",
      .signature = "ts=1698796800;h1=a300428748dce5c70e4da19bffd60769591ea969c99dea3105d0ec9612cf43f9" },
    { .preset = "coinbase-commerce",
      .secret = "30291a20-0bd1-4267-9b0f-e6e7b123c0bf",
      .body = "{\"id\":1,\"scheduled_for\":\"2017-01-31T20:50:02Z\",\"attempt_number\":1,\"event\":{\"id\":"
              "\"24934862-d980-46cb-9402-43c81b0cdba6\",\"type\":\"charge:created\",\"api_version\":\"2018-"
              "03-22\",\"created_at\":\"2017-01-31T20:49:02Z\",\"data\":{\"code\":\"66BEOV2A\",\"name\":\"T"
              "he Sovereign Individual\",\"description\":\"Mastering the Transition to the Information Age"
              "\",\"hosted_url\":\"https://commerce.coinbase.com/charges/66BEOV2A\",\"created_at\":\"2017-0"
              "1-31T20:49:02Z\",\"expires_at\":\"2017-01-31T21:04:02Z\",\"timeline\":[{\"time\":\"2017-01-3"
              "1T20:49:02Z\",\"status\":\"NEW\"}],\"metadata\":{},\"pricing_type\":\"no_price\",\"payments"
              "\":[],\"addresses\":{\"bitcoin\":\"0000000000000000000000000000000000\",\"ethereum\":\"0x000"
              "0000000000000000000000000000000000000\",\"litecoin\":\"3000000000000000000000000000000000\","
              "\"bitcoincash\":\"bitcoincash:000000000000000000000000000000000000000000\"}}}}",
      .signature = "8be7742c7d372f08a6a3224edadf18a22b65fa9e28f3f2de97376cdaa092590d" },
    { .preset = "cryptopay-callback",
      .secret = "hzeRDX54BYleXGwGm2YEWR4Ony1_ZU2lSTpAuxhW1gQ",
      .body = "{\"type\":\"Invoice\",\"event\":\"status_changed\",\"data\":{\"id\":\"ff48eeba-ab18-4088-96b"
              "c-4be10a82b994\",\"status\":\"completed\",\"status_context\":null,\"address\":\"rs9pE6CnNLE8"
              "YiTgTwbAk1AkFyS3opsm7K?dt=701\",\"price_amount\":\"1.0\",\"price_currency\":\"EUR\",\"pay_am"
              "ount\":\"3.113326\",\"pay_currency\":\"XRP\",\"paid_amount\":\"3.113326\",\"exchange\":{\"pa"
              "ir\":\"XRPEUR\",\"rate\":\"0.3212\"},\"transactions\":[{\"txid\":\"3EA591FED2F1F61263CB66AAC"
              "6BCF520B0714A08F2481D56DE267F31E0C782B9\",\"risk\":null}],\"name\":null,\"description\":null"
              ",\"metadata\":null,\"custom_id\":null,\"success_redirect_url\":null,\"created_at\":\"2019-04"
              "-09T15:22:09+00:00\",\"expires_at\":\"2019-04-09T15:32:09+00:00\"}}",
      .signature = "7c021857107203da4af1d24007bb0f752e2f04478e5e5bff83719101f2349b54" },
    { .scheme = &convoy,
      .secret = "convoy-webhook-secret",
      .timestamp = "1700000000",
      .body = "{\"event\":\"charge.success\",\"amount\":1000,\"currency\":\"NGN\"}",
      .signature = "t=1700000000,v1=77b8b9269f25a199846a55a2bd25b3fba151c70fdae60bb1dcd87fbbc943c55c" },
};

#endif
