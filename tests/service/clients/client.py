# SPDX-License-Identifier: Apache-2.0
"""client.py NAME: the story of run.py, by one of Python's HTTP clients."""
import json
import os
import sys

ADDRESS, KEY = os.environ["ADDRESS"], os.environ["KEY"]


def by_requests(path, body, headers):
    import requests
    answer = requests.post(ADDRESS + path, json=body, headers=headers, timeout=30)
    return answer.status_code, answer.json()


def by_httpx(path, body, headers):
    import httpx
    answer = httpx.post(ADDRESS + path, json=body, headers=headers, timeout=30)
    return answer.status_code, answer.json()


def by_aiohttp(path, body, headers):
    import asyncio

    import aiohttp

    async def post():
        async with aiohttp.ClientSession() as session, session.post(ADDRESS + path, json=body, headers=headers) as answer:
            return answer.status, await answer.json()
    return asyncio.run(post())


def by_stripe(path, body, headers):
    """The SDK's own transport, which repeats a request under its key when it hears nothing."""
    import stripe
    client = stripe.RequestsClient() if hasattr(stripe, "RequestsClient") else stripe.http_client.RequestsClient()
    content, status, _ = client.request_with_retries("post", ADDRESS + path,
                                                     {"Content-Type": "application/json", **headers}, json.dumps(body))
    return status, json.loads(content)


def main(name):
    post = {"requests": by_requests, "httpx": by_httpx, "aiohttp": by_aiohttp, "stripe-python": by_stripe}[name]
    key = {"Idempotency-Key": KEY}
    proposal = {"action": "add", "payload": {"a": 2, "b": 3}}
    status, first = post("/execute", proposal, key)
    assert (status, first["approved"], first["replayed"], first["result"]) == (200, True, False, {"sum": 5}), first
    status, again = post("/execute", proposal, key)
    assert (status, again["replayed"], again["receipt"]) == (200, True, first["receipt"]), again
    status, no = post("/execute", {"action": "add", "payload": {"a": 2, "b": 4}}, key)
    assert (status, no["code"], no["approved"]) == (422, "nonce_conflict", False), no
    status, said = post("/receipts/verify", {"exec_id": first["id"], "result": first["result"], "receipt": first["receipt"]}, {})
    assert (status, said["valid"], said["recorded"]) == (200, True, True), said
    print("executed, replayed, refused, verified")


main(sys.argv[1])
