// Packages that senders and receivers of webhooks use, behind HTTP on loopback, so that a test can ask them:
//   POST /PACKAGE/sign    signs the body; X-Secret, X-Id and X-Timestamp (unix seconds) say how. Answers 200 and, as JSON, the headers that a
//                         sender would send.
//   POST /PACKAGE         a receiver that verifies as the package's documentation says; the path's ?secret= is its secret. 200, or 400
//                         with the package's error.
// Prints its port. Ends when its standard input does.
import { createServer } from "node:http";
import * as octokit from "@octokit/webhooks-methods";
import { Webhook } from "standardwebhooks";
import Stripe from "stripe";
import { Webhook as SvixWebhook } from "svix";

const stripe = new Stripe("sk_test_unused");

function standard(kind, prefix) {
  return {
    sign: (body, { secret, id, timestamp }) => ({
      [`${prefix}-id`]: id,
      [`${prefix}-timestamp`]: `${timestamp}`,
      [`${prefix}-signature`]: new kind(secret).sign(id, new Date(timestamp * 1000), body),
    }),
    verify: (body, secret, headers) => new kind(secret).verify(body, headers),
  };
}

const packages = {
  stripe: {
    sign: (payload, { secret, timestamp }) => ({
      "Stripe-Signature": stripe.webhooks.generateTestHeaderString({ payload, secret, timestamp }),
    }),
    verify: (body, secret, headers) => stripe.webhooks.constructEvent(body, headers["stripe-signature"], secret),
  },
  octokit: {
    sign: async (body, { secret, id }) => ({
      "X-Hub-Signature-256": await octokit.sign(secret, body),
      "X-GitHub-Delivery": id,
      "X-GitHub-Event": "push",
    }),
    verify: async (body, secret, headers) => {
      if (!(await octokit.verify(secret, body, headers["x-hub-signature-256"]))) throw new Error("verify() said no");
    },
  },
  standardwebhooks: standard(Webhook, "webhook"),
  svix: standard(SvixWebhook, "svix"),
};

async function answer(request, body) {
  const url = new URL(request.url, "http://loopback");
  const [, name, action] = url.pathname.split("/");
  if (action === "sign") {
    const { "x-secret": secret, "x-id": id, "x-timestamp": timestamp } = request.headers;
    return JSON.stringify(await packages[name].sign(body, { secret, id, timestamp: Number(timestamp) }));
  }
  await packages[name].verify(body, url.searchParams.get("secret"), request.headers);
  return "verified";
}

const server = createServer(async (request, response) => {
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  try {
    response.end(await answer(request, Buffer.concat(chunks).toString()));
  } catch (error) {
    response.statusCode = 400;
    response.end(`${error.name}: ${error.message}`);
  }
});
server.listen(0, "127.0.0.1", () => console.log(server.address().port));
process.stdin.resume().on("end", () => process.exit());
