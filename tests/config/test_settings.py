import pytest
from pulltui_config.kinds import (
    allowed,
    bounds_of,
    choices_of,
    description_of,
    every_setting,
    keys_of,
    parts_of,
)
from pulltui_config.settings import Period, Settings

KEYS = {
    "storage": "models_dir check_space keep_free",
    "transfer": "connections max_connections per_host part_size layout active_pulls bandwidth transport",
    "retry": "max_retries stall_timeout slow_factor backoff_cap give_up_after max_redirects",
    "network": "proxy ca_file user_agent insecure_hosts token_hosts connect_timeout",
    "schedule": "",
    "ui": "theme fps glyphs animations bell confirm_delete resume_on_start keys",
    "hooks": "on_done on_failed",
}


def test_every_table_and_key_is_there_and_no_other() -> None:
    expected = [(table, key) for table, keys in KEYS.items() for key in keys.split()] + [("schedule",)]
    assert sorted(every_setting()) == sorted(expected)
    assert [key for key, _ in keys_of(Period)] == ["days", "from", "to", "bandwidth"]


def test_every_key_is_documented_and_every_number_bounded() -> None:
    settings = [*every_setting().values(), *(info for _, info in keys_of(Period))]
    for info in settings:
        assert description_of(info.type).endswith("."), info.name
        assert allowed(info.type), info.name
        bare = {parts_of(choice)[0] for choice in choices_of(info.type)}
        if bare & {int, float}:
            assert None not in bounds_of(info.type), info.name


def test_defaults_are_plain_numbers_the_engine_can_use() -> None:
    settings = Settings()
    assert settings.transfer.part_size == 16_000_000
    assert settings.transfer.connections == "auto"
    assert settings.transfer.max_connections == 64
    assert settings.transfer.per_host == {"hf.co": 8, "huggingface.co": 8}
    assert settings.transfer.bandwidth is None
    assert settings.storage.keep_free == 1_000_000_000
    retry = settings.retry
    assert (retry.max_retries, retry.stall_timeout, retry.backoff_cap, retry.give_up_after) == (
        6,
        30,
        10,
        1800,
    )


def test_a_period_that_ends_when_it_begins_is_refused() -> None:
    with pytest.raises(ValueError, match="the same"):
        Period(from_=60, to=60, bandwidth="pause")
