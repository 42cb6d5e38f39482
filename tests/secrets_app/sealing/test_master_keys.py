"""The operator's setting is read exactly or refused, and no refusal repeats any of it."""

import base64
import copy
import os
import pickle
import secrets

import pytest

from secrets_app.sealing.master_keys import BadMasterKeys, MasterKeys, parse_master_keys

NEW, OLD = secrets.token_bytes(32), secrets.token_bytes(32)


def in_base64(key):
    return base64.b64encode(key).decode()


def key_file(folder, content, mode=0o400):
    path = folder / "master-key"
    path.write_text(content)
    path.chmod(mode)
    return path


def test_the_first_entry_is_the_primary_key_and_the_others_are_held():
    keys = parse_master_keys(f"k2:env:{in_base64(NEW)},k1:env:{in_base64(OLD)}")
    assert keys.primary_id == "k2"
    assert keys.ids == {"k1", "k2"}
    assert (keys.get("k2"), keys.get("k1"), keys.get("k0")) == (NEW, OLD, None)


def test_white_space_around_entries_does_not_matter():
    assert parse_master_keys(f" k2:env:{in_base64(NEW)} ,\n k1:env:{in_base64(OLD)} ").ids == {"k1", "k2"}


@pytest.mark.parametrize("mode", [0o400, 0o600])
def test_a_private_file_holds_a_key(tmp_path, mode):
    path = key_file(tmp_path, in_base64(NEW) + "\n", mode)
    assert parse_master_keys(f"k1:file:{path}").get("k1") == NEW


def test_a_link_to_a_private_file_is_followed(tmp_path):
    link = tmp_path / "current"
    link.symlink_to(key_file(tmp_path, in_base64(NEW)))
    assert parse_master_keys(f"k1:file:{link}").get("k1") == NEW


def test_a_private_file_may_list_the_keys_with_commas_or_lines(tmp_path):
    path = key_file(tmp_path, f"k2:env:{in_base64(NEW)},\n\n k1:env:{in_base64(OLD)}\n")
    assert parse_master_keys(f"@{path}").in_order == ("k2", "k1")
    path.chmod(0o640)
    with pytest.raises(BadMasterKeys, match="The list of the master keys must have the mode 0400 or 0600"):
        parse_master_keys(f"@{path}")


def test_keys_show_nothing_and_are_not_copied():
    keys = parse_master_keys(f"k1:env:{in_base64(NEW)}")
    assert repr(keys) == str(keys) == "<MasterKeys>"
    for act in (copy.copy, copy.deepcopy, pickle.dumps):
        with pytest.raises(TypeError):
            act(keys)
    with pytest.raises(TypeError):
        vars(keys)


@pytest.mark.parametrize("mode", [0o440, 0o404, 0o644, 0o700, 0o4400])
def test_a_file_that_others_can_use_is_refused(tmp_path, mode):
    path = key_file(tmp_path, in_base64(NEW), mode)
    with pytest.raises(BadMasterKeys, match="0400 or 0600"):
        parse_master_keys(f"k1:file:{path}")


def test_a_file_of_another_user_is_refused(tmp_path, monkeypatch):
    path = key_file(tmp_path, in_base64(NEW))
    monkeypatch.setattr(os, "geteuid", lambda: path.stat().st_uid + 1)
    with pytest.raises(BadMasterKeys, match="belong to the user"):
        parse_master_keys(f"k1:file:{path}")


def test_what_is_not_a_file_is_refused(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe, 0o600)
    for path in (pipe, tmp_path):
        with pytest.raises(BadMasterKeys, match="regular file"):
            parse_master_keys(f"k1:file:{path}")


@pytest.mark.parametrize(
    ("path", "reason"), [("keys/k1", "full path"), ("/no/such/file", "cannot be read"), ("/a\0b", "cannot be read")]
)
def test_a_file_that_cannot_be_opened_is_refused(path, reason):
    with pytest.raises(BadMasterKeys, match=reason):
        parse_master_keys(f"k1:file:{path}")


@pytest.mark.parametrize("text", ["", "   ", "\n"])
def test_no_key_at_all_is_refused_with_the_way_out(text):
    with pytest.raises(BadMasterKeys, match="COFFER_MASTER_KEYS"):
        parse_master_keys(text)
    with pytest.raises(BadMasterKeys):
        MasterKeys({})


@pytest.mark.parametrize(
    "entry",
    [
        in_base64(NEW),
        f"env:{in_base64(NEW)}",
        f"k1:{in_base64(NEW)}",
        f":env:{in_base64(NEW)}",
        f"k 1:env:{in_base64(NEW)}",
        f"k1\n:env:{in_base64(NEW)}",
        f"ключ:env:{in_base64(NEW)}",
        f"{'k' * 65}:env:{in_base64(NEW)}",
        f"k1:ENV:{in_base64(NEW)}",
        f"k1:vault:{in_base64(NEW)}",
        f"{in_base64(NEW)}:env:",
        "k1:env:",
        "k1:file:",
        f"k1:env:{in_base64(NEW)},",
        f"k1:env:{in_base64(NEW[:16])}",
        f"k1:env:{in_base64(NEW + b'x')}",
        f"k1:env:{in_base64(NEW)[:-1]}",
        f"k1:env:{in_base64(NEW)[:20]} {in_base64(NEW)[20:]}",
        f"k1:env:{in_base64(NEW)[:-3]}é==",
        f"k1:env:{NEW.hex()}",
        f"k1:env:{in_base64(bytes(32))}",
        f"k1:env:{in_base64(b'password' * 4)}",
        f"k1:env:{in_base64(NEW)},k1:env:{in_base64(OLD)}",
        f"k1:env:{in_base64(NEW)},k2:env:{in_base64(NEW)}",
        f"@{in_base64(NEW)}",
    ],
)
def test_a_malformed_setting_is_refused_without_key_material(entry):
    with pytest.raises(BadMasterKeys) as caught:
        parse_master_keys(entry)
    assert in_base64(NEW)[:8] not in str(caught.value)
    assert NEW.hex()[:8] not in str(caught.value)


def test_a_file_with_something_else_in_it_is_refused_without_its_text(tmp_path):
    path = key_file(tmp_path, "correct horse battery staple")
    with pytest.raises(BadMasterKeys, match="exactly 32 bytes") as caught:
        parse_master_keys(f"k1:file:{path}")
    assert "horse" not in str(caught.value)
