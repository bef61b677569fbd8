# SPDX-License-Identifier: Apache-2.0
"""The other side of the interoperability tests: securesystemslib, with the Ed25519 of cryptography.

Keys are ID=SEED, the seed being 32 bytes in hex.
  peer.py sign TYPE KEY...         reads a body, writes an envelope
  peer.py verify THRESHOLD KEY...  reads an envelope, writes the accepted ids
"""
import json
import sys

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from securesystemslib.dsse import Envelope
from securesystemslib.signer import CryptoSigner, SSlibKey


def signer(argument):
    keyid, _, seed = argument.partition("=")
    private = Ed25519PrivateKey.from_private_bytes(bytes.fromhex(seed))
    return CryptoSigner(private, SSlibKey.from_crypto(private.public_key(), keyid=keyid))


def main(command, how, *keys):
    signers = [signer(key) for key in keys]
    text = sys.stdin.buffer.read()
    if command == "sign":
        envelope = Envelope(text, how, {})
        for one in signers:
            envelope.sign(one)
        print(json.dumps(envelope.to_dict()))
    else:
        envelope = Envelope.from_dict(json.loads(text))
        print(*sorted(envelope.verify([one.public_key for one in signers], int(how))))


if __name__ == "__main__":
    main(*sys.argv[1:])
