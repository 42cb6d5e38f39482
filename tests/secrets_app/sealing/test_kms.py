"""Master keys that AWS KMS decrypts: with moto's KMS, and its refusals as botocore's Stubber gives them."""

import sys
from base64 import b64encode

import botocore.session
import pytest
from botocore.stub import Stubber
from moto import mock_aws

from secrets_app.sealing import kms
from secrets_app.sealing.master_keys import BadMasterKeys, parse_master_keys
from tests.benchmarks.processes import free_port

ARN = "arn:aws:kms:eu-central-1:111122223333:key/0c0c7e5e-8071-4c3e-8884-a760f318a3f3"
REFUSALS = {
    "DisabledException": "is disabled. Enable it",
    "KMSInvalidStateException": "Cancel its deletion",
    "NotFoundException": "Check its ARN",
    "AccessDeniedException": "Allow kms:Decrypt with the context coffer-master-key",
    "IncorrectKeyException": "Compare the ARN and the file",
    "ThrottlingException": "Start again in a minute",
    "ExpiredTokenException": "cannot be used with these credentials (ExpiredTokenException)",
    "KMSInternalException": "cannot be used now (KMSInternalException)",
}


@pytest.fixture(autouse=True)
def credentials(monkeypatch):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")


@pytest.fixture
def file(tmp_path):
    """Writes what KMS encrypted, as `aws kms … --output text` prints it."""

    def write(ciphertext):
        path = tmp_path / "k2.kms"
        path.write_text(b64encode(ciphertext).decode() + "\n")
        return path

    return write


def client():
    return botocore.session.Session().create_client("kms", region_name="eu-central-1")


def test_key_and_alias_of_kms_decrypt_for_one_id_alone(file):
    with mock_aws():
        key = client().create_key()["KeyMetadata"]["Arn"]
        alias = f"{key.rpartition(':')[0]}:alias/coffer"
        client().create_alias(AliasName="alias/coffer", TargetKeyId=key)
        for_k2 = {"KeyId": key, "EncryptionContext": {"coffer-master-key": "k2"}}
        path = file(client().generate_data_key_without_plaintext(KeySpec="AES_256", **for_k2)["CiphertextBlob"])
        of_key, of_alias = (parse_master_keys(f"k2:kms:{arn}={path}") for arn in (key, alias))
        assert len(of_key.get("k2")) == 32
        assert of_key.get("k2") == of_alias.get("k2")
        with pytest.raises(BadMasterKeys, match=r"Master key 1: .* encrypted for another id in the context"):
            parse_master_keys(f"k3:kms:{key}={path}")
        short = file(client().encrypt(Plaintext=b"a password", **for_k2)["CiphertextBlob"])
        with pytest.raises(BadMasterKeys, match="exactly 32 bytes"):
            parse_master_keys(f"k2:kms:{key}={short}")


@pytest.mark.parametrize(("code", "said"), REFUSALS.items(), ids=REFUSALS)
def test_refusal_of_kms_says_what_to_do(monkeypatch, file, code, said):
    stubbed = client()
    monkeypatch.setattr(botocore.session.Session, "create_client", lambda *args, **options: stubbed)
    with Stubber(stubbed) as stubber, pytest.raises(BadMasterKeys) as refused:
        asked = {"KeyId": ARN, "CiphertextBlob": b"wrapped", "EncryptionContext": {"coffer-master-key": "k2"}}
        stubber.add_client_error("decrypt", code, "not for the log", 400, expected_params=asked)
        parse_master_keys(f"k2:kms:{ARN}={file(b'wrapped')}")
    assert str(refused.value).startswith(f"Master key 1: The key {ARN} of AWS KMS ")
    assert said in str(refused.value)
    assert "not for the log" not in str(refused.value)


def test_kms_that_does_not_answer_is_asked_three_times_at_most(monkeypatch, file):
    monkeypatch.setenv("AWS_ENDPOINT_URL_KMS", f"http://127.0.0.1:{free_port()}")
    monkeypatch.setattr("botocore.httpsession.URLLib3Session.send", counted := Counted())
    monkeypatch.setattr("botocore.endpoint.time.sleep", lambda seconds: None)
    with pytest.raises(BadMasterKeys, match=r"AWS KMS cannot be reached .* \(EndpointConnectionError\)"):
        parse_master_keys(f"k2:kms:{ARN}={file(b'wrapped')}")
    assert counted.times == 3
    assert 3 * (kms._BOUNDED.connect_timeout + kms._BOUNDED.read_timeout) < 30


class Counted:
    """A transport that reaches nobody."""

    times = 0

    def __call__(self, request):
        self.times += 1
        raise botocore.exceptions.EndpointConnectionError(endpoint_url=request.url)


def test_host_without_credentials_is_told_to_get_a_role(monkeypatch, file):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nowhere")
    with pytest.raises(BadMasterKeys, match="There are no credentials to ask AWS KMS"):
        parse_master_keys(f"k2:kms:{ARN}={file(b'wrapped')}")


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ("k2:kms:alias/coffer=/k2", "must read id:kms:ARN=/path"),
        (f"k2:kms:{ARN}", "must be given by its full path"),
        (f"k2:kms:{ARN}=/nowhere/k2", "cannot be read"),
        (f"k2:kms:{ARN}=/etc/passwd", "must hold what AWS KMS encrypted, in base64"),
        ("k2:kms:arn:aws:kms:eu-central-1:1:key/x=/k2", "must read id:kms:ARN=/path"),
    ],
)
def test_malformed_entry_is_refused(entry, said):
    with pytest.raises(BadMasterKeys, match=said):
        parse_master_keys(entry)


def test_without_the_extra_the_entry_says_how_to_install_it(monkeypatch):
    monkeypatch.delitem(sys.modules, "secrets_app.sealing.kms")
    monkeypatch.delattr("secrets_app.sealing.kms")
    monkeypatch.setitem(sys.modules, "botocore.session", None)
    with pytest.raises(BadMasterKeys, match=r"botocore is not installed. Install it \(.venv/bin/uv pip install"):
        parse_master_keys(f"k2:kms:{ARN}=/k2")
