# SPDX-License-Identifier: Apache-2.0
"""OpenExec's own vectors, through Python."""
import base64
import json

import pytest

import openexec
from conftest import micros, vectors
from openexec import Answer, Code, Form, Invalid, OpenExecError, Receipt


def test_every_canonical_form_comes_out():
    cases = vectors("canonical")["cases"]
    for case in cases:
        given = bytes.fromhex(case["input_hex"])
        if "refuse" in case:
            with pytest.raises(Invalid) as no:
                openexec.canonicalise(given)
            assert no.value.code is Code.MALFORMED_REQUEST and no.value.detail, case["id"]
            continue
        assert openexec.canonicalise(given) == case["jcs"], case["id"]
        assert openexec.canonicalise(given, Form.CLAWSHIELD_V1) == case["clawshield_v1"], case["id"]
        assert openexec.canonicalise(given, Form.DISPLAY) == case["display"], case["id"]
        assert openexec.sha256(case["jcs"]) == case["jcs_sha256"], case["id"]
        assert openexec.sha256(case["clawshield_v1"]) == case["clawshield_v1_sha256"], case["id"]
    assert len(cases) >= 590


def test_every_payload_of_the_table_has_its_answer():
    for case in vectors("payloads")["cases"]:
        member = case["json"] and f', "payload": {case["json"]}'
        ways = (lambda: openexec.Proposal("echo", case["json"], nonce="n"),
                lambda: openexec.Proposal.from_json(f'{{"action": "echo", "nonce": "n"{member}}}'))
        for make in ways:
            if "payload" in case:
                assert make().payload_json == case["payload"], case["id"]
                continue
            with pytest.raises(Invalid) as no:
                make()
            assert no.value.code is Code.MALFORMED_REQUEST, case["id"]


def test_every_identity_comes_out():
    cases = vectors("identities")["cases"]
    for case in cases:
        proposal = openexec.Proposal(case["action"], case["payload"], nonce=case["nonce"], tenant=case["tenant"])
        assert proposal.request_hash == case["request_hash"]
        assert proposal.action_hash == case["action_hash"]
        assert proposal.exec_id == case["exec_id"]
        assert proposal.artifact_hash is None
        assert proposal.parameters_hash == openexec.sha256(proposal.payload_json)
        assert (proposal.tenant, proposal.nonce, proposal.action) == (case["tenant"], case["nonce"], case["action"])
    assert len(cases) >= 60


def test_every_receipt_verifies_and_no_other_does():
    cases = vectors("receipts")["cases"]
    for case in cases:
        exec_id, display, receipt = case["exec_id"], case["display"], case["receipt"]
        assert Receipt(exec_id, display, receipt).verify()
        assert Receipt(exec_id, openexec.canonicalise(display, Form.CLAWSHIELD_V1), receipt).verify()
        assert not Receipt(exec_id, f"[{display}]", receipt).verify()
        assert not Receipt(exec_id, display, ("1" if receipt[0] == "0" else "0") + receipt[1:]).verify()
        with pytest.raises(Invalid):
            Receipt(exec_id, display + "]", receipt).verify()
        with pytest.raises(Invalid):
            Receipt(exec_id, display, receipt[:-1]).verify()
    assert len(cases) >= 60


def verdict(judge):
    """The code's name, and who approved."""
    try:
        return "ok", judge()
    except OpenExecError as no:
        assert no.detail
        return no.code.name.lower(), None


def test_every_clawshield_approval_gets_its_code():
    file = vectors("approvals_v1")
    for case in file["cases"]:
        code, who = verdict(lambda: openexec.verify_clawshield_v1(
            case["artifact"], public_key=file["public_key"], tenant=case["tenant"], action=case["action"],
            payload=case["payload"], now_us=micros(case["now"])))
        assert code == case["expect"], case["id"]
        if who is not None:
            assert who["profile"] == "clawshield-v1" and who["id"] == case["artifact"]["approval_id"]
    assert len(file["cases"]) >= 46


def test_every_dsse_approval_gets_its_code():
    file = vectors("approvals_dsse")
    for case in file["cases"]:
        code, who = verdict(lambda: openexec.verify_trust_policy(
            file["trust_policy"], executor=case["executor"], tenant=case["tenant"], action=case["action"],
            payload=case["payload"], nonce=case["nonce"], approval=case["artifact"], now_us=micros(case["now"])))
        assert code == case["expect"], case["id"]
        if who is not None:
            assert who["keys"] == case["keys"]
    assert openexec.read_trust_policy(file["trust_policy"])["digest"]
    assert len(file["cases"]) >= 37


def node(left, right):
    return bytes.fromhex(openexec.sha256(b"\x01" + left + right))


def root_of(leaves):
    if len(leaves) <= 1:
        return leaves[0] if leaves else bytes.fromhex(openexec.sha256(b""))
    half = 1 << (len(leaves) - 1).bit_length() - 1
    return node(root_of(leaves[:half]), root_of(leaves[half:]))


def consistent(first, second, first_root, second_root, proof):
    """RFC 9162, 2.1.4.2."""
    if first == second:
        return first_root == second_root and not proof
    proof = list(proof) if first & (first - 1) else [first_root, *proof]
    fn, sn = first - 1, second - 1
    while fn & 1:
        fn, sn = fn >> 1, sn >> 1
    fr = sr = proof.pop(0)
    for hash_ in proof:
        if sn == 0:
            return False
        if fn & 1 or fn == sn:
            fr, sr = node(hash_, fr), node(hash_, sr)
            while fn and not fn & 1:
                fn, sn = fn >> 1, sn >> 1
        else:
            sr = node(sr, hash_)
        fn, sn = fn >> 1, sn >> 1
    return sn == 0 and (fr, sr) == (first_root, second_root)


def test_the_log_has_its_leaf_hashes_roots_and_consistency_proofs():
    file = vectors("log")
    leaves = [bytes.fromhex(openexec.sha256(b"\x00" + entry.encode())) for entry in file["entries"]]
    assert [leaf.hex() for leaf in leaves] == file["leaf_hashes"]
    assert all(openexec.canonicalise(entry) == entry for entry in file["entries"])
    for size, root in file["roots"].items():
        assert root_of(leaves[:int(size)]).hex() == root
    for case in file["consistency"]:
        first, second = case["from"], case["to"]
        assert consistent(first, second, root_of(leaves[:first]), root_of(leaves[:second]),
                          [base64.b64decode(hash_) for hash_ in case["hashes"]]), case
    assert len(leaves) == 300 and len(file["roots"]) == 14 and len(file["consistency"]) == 78


def test_every_proof_of_the_log_passes_and_has_the_cosignatures_of_its_checkpoint():
    file = vectors("log")
    first, second = file["witness_vkeys"]
    policy = f"witness w1 {first}\nwitness w2 {second}\ngroup both all w1 w2\nquorum both\n"
    for case in file["proofs"]:
        size, index, proof = case["size"], case["index"], case["tlog_proof"]
        assert proof.endswith("\n" + file["checkpoints"][str(size)])
        found = openexec.verify_evidence(proof, log_key=file["log_vkey"])
        assert found.ok and found.decided_by is None and found.detail == ""
        assert (found.index, found.size, found.origin) == (index, size, file["origin"])
        assert found.root == file["roots"][str(size)]
        assert found.entry_json == file["entries"][index]
        cosigned = openexec.verify_evidence(proof, log_key=file["log_vkey"], policy=policy)
        assert [one.witness for one in cosigned.cosignatures] == (["w1", "w2"] if size % 2 else [])
        assert cosigned.answer is (Answer.PASS if size % 2 else Answer.FAIL)
        held = openexec.verify_evidence(proof, log_key=file["log_vkey"], exec_id="0" * 64)
        assert held.answer is Answer.FAIL and held.decided_by is openexec.Step.EXEC_ID and held.detail
    assert len(file["proofs"]) == 42


def alone(text, file):
    """The proof of an entry in a log that has no other. Nobody signed it: what is asked about is the entry."""
    name, key_id, _ = file["log_vkey"].split("+")
    leaf = bytes.fromhex(openexec.sha256(b"\x00" + text.encode()))
    base64_of = lambda data: base64.b64encode(data).decode()
    return (f"c2sp.org/tlog-proof@v1\nextra {base64_of(text.encode())}\nindex 0\n\n{name}\n1\n{base64_of(leaf)}\n\n"
            f"\u2014 {name} {base64_of(bytes.fromhex(key_id) + bytes(64))}\n"), leaf


def test_every_entry_of_version_2_is_read_and_no_other():
    log, file = vectors("log"), vectors("entries_v2")
    for case in file["valid"]:
        proof, leaf = alone(case["text"], log)
        found = openexec.verify_evidence(proof, log_key=log["log_vkey"])
        assert found.findings[openexec.Step.ENTRY] is openexec.Finding.PASSED, case["name"]
        assert found.findings[openexec.Step.INCLUSION] is openexec.Finding.PASSED, case["name"]
        assert found.decided_by is openexec.Step.LOG_SIGNATURE and found.entry_json == case["text"]
        assert json.loads(found.entry_json) == case["members"] and leaf.hex() == case["leaf_hash"]
    for case in file["invalid"]:
        found = openexec.verify_evidence(alone(case["text"], log)[0], log_key=log["log_vkey"])
        assert found.decided_by in (openexec.Step.PROOF, openexec.Step.ENTRY), case["name"]  # a proof has no empty entry
    assert len(file["valid"]) >= 31 and len(file["invalid"]) >= 212


def test_every_tool_call_has_its_nonce_or_none():
    file = vectors("tool_calls")
    for case in file["cases"]:
        given = [case[name] for name in ("conversation", "turn", "name", "arguments")]
        if "refuse" in case:
            with pytest.raises(Invalid):
                openexec.tool_call_nonce(*given, occurrence=case["occurrence"])
        else:
            assert openexec.tool_call_nonce(*given, occurrence=case["occurrence"]) == case["nonce"], case["id"]
    assert len(file["cases"]) >= 30
    for made in file["turns"]:
        turn = openexec.Turn(made["conversation"], made["turn"])
        with pytest.raises(Invalid):
            turn.nonce("pay", "[")  # not counted
        for call in made["calls"]:
            given = json.loads(call["arguments"] or "{}")
            assert turn.nonce(call["name"], given) == call["nonce"]


def test_a_tool_call_without_a_place_has_no_nonce():
    for place in (("", "t"), ("c", ""), (None, "t"), ("c", None), ("c", 7), ("c", "\ud800")):
        with pytest.raises(Invalid):
            openexec.Turn(*place).nonce("pay", {})
    for occurrence in (0, -1, 2**32, 1.0, "1", None, True):
        with pytest.raises(Invalid):
            openexec.tool_call_nonce("c", "t", "pay", {}, occurrence=occurrence)
