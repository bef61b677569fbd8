// SPDX-License-Identifier: Apache-2.0
// client.mjs NAME: the story of run.py, by one of Node's HTTP clients.
import assert from "node:assert/strict";

const { ADDRESS, KEY } = process.env;
const json = { "Content-Type": "application/json" };

const clients = {
  async fetch(path, body, headers) {
    const answer = await fetch(ADDRESS + path, { method: "POST", body: JSON.stringify(body), headers: { ...json, ...headers } });
    return [answer.status, await answer.json()];
  },
  async undici(path, body, headers) {
    const { request } = await import("undici");
    const answer = await request(ADDRESS + path, { method: "POST", body: JSON.stringify(body), headers: { ...json, ...headers } });
    return [answer.statusCode, await answer.body.json()];
  },
  async axios(path, body, headers) {
    const { default: axios } = await import("axios");
    const answer = await axios.post(ADDRESS + path, body, { headers, validateStatus: () => true });
    return [answer.status, answer.data];
  },
  // The SDK's own transport.
  async "stripe-node"(path, body, headers) {
    const { default: Stripe } = await import("stripe");
    const { hostname, port } = new URL(ADDRESS);
    const text = JSON.stringify(body);
    const all = { ...json, "Content-Length": Buffer.byteLength(text), ...headers };
    const answer = await Stripe.createNodeHttpClient().makeRequest(hostname, port, path, "POST", all, text, "http", 30000);
    return [answer.getStatusCode(), await answer.toJSON()];
  },
};

const post = clients[process.argv[2]];
const key = { "Idempotency-Key": KEY };
const [status, first] = await post("/execute", { action: "add", payload: { a: 2, b: 3 } }, key);
assert.deepEqual([status, first.approved, first.replayed, first.result], [200, true, false, { sum: 5 }]);
const [repeated, again] = await post("/execute", { action: "add", payload: { a: 2, b: 3 } }, key);
assert.deepEqual([repeated, again.replayed, again.receipt], [200, true, first.receipt]);
const [refused, no] = await post("/execute", { action: "add", payload: { a: 2, b: 4 } }, key);
assert.deepEqual([refused, no.code, no.approved], [422, "nonce_conflict", false]);
const receipt = { exec_id: first.id, result: first.result, receipt: first.receipt };
const [asked, said] = await post("/receipts/verify", receipt, {});
assert.deepEqual([asked, said.valid, said.recorded], [200, true, true]);
console.log("executed, replayed, refused, verified");
process.exit(0); // connections that are kept open hold nothing up
