// Reads {"payload": …, "secret": …, "timestamp": …} from standard input and prints the header that the stripe package makes for it.
const stripe = require("stripe")("sk_test_unused");
const chunks = [];
process.stdin.on("data", (chunk) => chunks.push(chunk));
process.stdin.on("end", () => {
  for (const line of Buffer.concat(chunks).toString().split("\n").filter(Boolean))
    console.log(stripe.webhooks.generateTestHeaderString(JSON.parse(line)));
});
