"""Master keys that a key of AWS KMS encrypts, and that KMS decrypts when a process starts (docs/keys.md, "AWS KMS").

Only `master_keys` imports this module, and only where the setting has such an entry: it needs the extra `aws`.
"""

import re

import botocore.session
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError

CONTEXT = "coffer-master-key"
"""The name in the encryption context; its value is the id of the master key. CloudTrail shows both."""

ARN = re.compile(r"arn:aws[a-z-]*:kms:([a-z0-9-]+):\d{12}:(?:key|alias)/[A-Za-z0-9/_-]+", re.ASCII)

_BOUNDED = Config(
    connect_timeout=3, read_timeout=5, retries={"total_max_attempts": 3, "mode": "standard"}, user_agent_extra="coffer"
)
"""At most three attempts, about half a minute in all. Throttling and faults of KMS are tried again, refusals not."""

_REFUSALS = {
    "DisabledException": "is disabled. Enable it (aws kms enable-key).",
    "KMSInvalidStateException": "is about to be deleted or cannot be used. Cancel its deletion and enable it.",
    "NotFoundException": "does not exist in that region and account. Check its ARN.",
    "AccessDeniedException": f"may not be used by Coffer. Allow kms:Decrypt with the context {CONTEXT} (docs/keys.md).",
    "IncorrectKeyException": "is not the one that encrypted the file. Compare the ARN and the file with another host.",
    "InvalidCiphertextException": (
        f"does not open the file: it was changed, or encrypted for another id in the context {CONTEXT}."
    ),
    "ThrottlingException": "is asked too often. Start again in a minute, one host after the other.",
    "LimitExceededException": "is asked too often. Start again in a minute, one host after the other.",
}
_NO_SUCH_IDENTITY = {
    "UnrecognizedClientException", "InvalidClientTokenId", "ExpiredTokenException", "InvalidSignatureException",
    "IncompleteSignature", "MissingAuthenticationToken",
}  # fmt: skip


class KmsRefused(Exception):  # noqa: N818 - named after what happened
    """KMS did not decrypt. The message is a sentence that names the key of KMS and says what to do."""


def decrypt(arn: str, ciphertext: bytes, key_id: str) -> bytes:
    """Return what a key of KMS encrypted for the master key of this id.

    Raises:
        KmsRefused: KMS refused, or could not be reached.
    """
    try:
        client = botocore.session.Session().create_client("kms", region_name=arn.split(":")[3], config=_BOUNDED)
        answer = client.decrypt(KeyId=arn, CiphertextBlob=ciphertext, EncryptionContext={CONTEXT: key_id})
    except ClientError as refusal:
        raise KmsRefused(f"The key {arn} of AWS KMS {_advice(refusal.response['Error'].get('Code', ''))}") from None
    except NoCredentialsError:
        raise KmsRefused(
            f"There are no credentials to ask AWS KMS for the key {arn}. Give the host or the service a role."
        ) from None
    except BotoCoreError as fault:
        raise KmsRefused(
            f"AWS KMS cannot be reached for the key {arn} ({type(fault).__name__}). Check the network, the region and "
            "AWS_ENDPOINT_URL_KMS, and start again."
        ) from None
    return bytes(answer["Plaintext"])


def _advice(code: str) -> str:
    if code in _NO_SUCH_IDENTITY:
        return f"cannot be used with these credentials ({code}). Renew them, and check the host's clock."
    return _REFUSALS.get(code, f"cannot be used now ({code}). Look at it in the console of AWS, and start again.")
