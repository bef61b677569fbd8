// SPDX-License-Identifier: Apache-2.0
// approval.mjs OPENEXECD FOLDER: an approval that JavaScript signs, with the times of toISOString(), runs once.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { createHash, generateKeyPairSync, sign } from "node:crypto";
import { writeFileSync } from "node:fs";
import { createInterface } from "node:readline";

const [openexecd, folder] = process.argv.slice(2);
const type = "application/vnd.openexec.approval+json";
const { publicKey, privateKey } = generateKeyPairSync("ed25519");
const policy = {
  keys: [{ id: "alice", public_key: publicKey.export({ type: "spki", format: "pem" }) }],
  rules: [{ actions: ["echo"], threshold: 1 }],
};

function envelope(statement) {
  const body = Buffer.from(JSON.stringify(statement));
  const bytes = Buffer.concat([Buffer.from(`DSSEv1 ${type.length} ${type} ${body.length} `), body]);
  const signature = sign(null, bytes, privateKey).toString("base64");
  return { payloadType: type, payload: body.toString("base64"), signatures: [{ keyid: "alice", sig: signature }] };
}

function approved(nonce, payload, now) {
  const statement = {
    token_id: `token-${nonce}`, tenant_id: "acme", action: "echo", nonce,
    parameters_hash: createHash("sha256").update(JSON.stringify(payload)).digest("hex"), // one member: as jcs has it
    issued_at: now.toISOString(), expires_at: new Date(now.getTime() + 600_000).toISOString(),
  };
  return { action: "echo", payload, nonce, approval_artifact: envelope(statement) };
}

writeFileSync(`${folder}/policy.json`, JSON.stringify(policy));
const flags = ["--port", "0", "--db-url", "sqlite://", "--trust-policy", `${folder}/policy.json`, "--tenant", "acme"];
const service = spawn(openexecd, flags, { stdio: ["ignore", "pipe", "inherit"] });
try {
  let address;
  for await (const line of createInterface({ input: service.stdout })) {
    address = /^listening on (\S+)/.exec(line)?.[1];
    if (address) break;
  }
  const post = async (body) => {
    const headers = { "Content-Type": "application/json" };
    const answer = await fetch(`${address}/execute`, { method: "POST", headers, body: JSON.stringify(body) });
    return [answer.status, await answer.json()];
  };
  const request = approved("js-1", { n: 1 }, new Date());
  assert.match(JSON.parse(atob(request.approval_artifact.payload)).issued_at, /^[\d-]+T[\d:]+\.\d{3}Z$/);
  const [status, first] = await post(request);
  assert.deepEqual([status, first.code, first.result], [200, "ok", { echo: { n: 1 } }]);
  const [repeated, again] = await post(request);
  assert.deepEqual([repeated, again.replayed, again.receipt], [200, true, first.receipt]);
  const [late, expired] = await post(approved("js-2", { n: 1 }, new Date(Date.now() - 3_600_000)));
  assert.deepEqual([late, expired.code], [403, "approval_expired"]);
  const [other, altered] = await post({ ...approved("js-3", { n: 1 }, new Date()), payload: { n: 2 } });
  assert.deepEqual([other, altered.code], [403, "approval_hash_mismatch"]);
} finally {
  service.kill();
}
console.log("approved, executed, replayed, refused");
process.exit(0);
