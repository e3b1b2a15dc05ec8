"""Single cells: what each type accepts, and what it refuses."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import phonenumbers
import pytest
from email_validator import validate_email
from hypothesis import given
from hypothesis import strategies as st

from mappings.addresses import is_placeholder, read_email
from mappings.cells import (
    Placeholder,
    death_reader,
    read_active,
    read_birth_day,
    read_day,
    read_flag,
    read_moment,
    read_whole,
)
from mappings.names import clean, split_full_name
from mappings.payers import payer_reader
from mappings.phones import read_phone
from mappings.words import read_language, read_sex, read_status

CHICAGO = ZoneInfo("America/Chicago")


@pytest.mark.parametrize("text", ["2026-02-03", "2026-02-03 00:00", "2026-02-03T10:15:00Z"])
def test_a_day_is_iso_with_or_without_a_time(text: str) -> None:
    assert read_day(text) == date(2026, 2, 3)


@pytest.mark.parametrize("text", ["02/03/2026", "2026-2-3", "2026-02-30", "20260203", "2026-W05", "soon", "46056"])
def test_fault_58_a_day_in_any_other_form_is_not_guessed(text: str) -> None:
    with pytest.raises(ValueError, match=r"not a date|day is out of range"):
        read_day(text)


def test_fault_58_declared_formats_come_first_and_iso_still_reads() -> None:
    formats = ("%m/%d/%Y", "%d.%m.%Y")
    assert [read_day(text, formats) for text in ("02/03/2026", "3.2.2026", "2026-02-03")] == [date(2026, 2, 3)] * 3


def test_fault_58_the_usual_stand_in_for_a_birth_date_is_none() -> None:
    with pytest.raises(Placeholder):
        read_birth_day("1900-01-01")
    with pytest.raises(ValueError, match="birth"):
        read_birth_day("1880-05-05")


@pytest.mark.parametrize(
    ("text", "born"), [("03/04/85", date(1985, 3, 4)), ("03/04/50", date(1950, 3, 4)), ("02/29/28", date(1928, 2, 29)),
                       ("03/04/26", date(1926, 3, 4)), ("03/01/26", date(2026, 3, 1)), ("1985-03-04", date(1985, 3, 4))]
)  # fmt: skip
def test_fault_58_a_birth_year_of_two_digits_is_of_the_past(text: str, born: date) -> None:
    assert read_birth_day(text, ("%m/%d/%y",), date(2026, 3, 2)) == born


@pytest.mark.parametrize("text", ["2050-03-04", "03/04/2050"])
def test_fault_58_nobody_is_born_in_the_future(text: str) -> None:
    with pytest.raises(ValueError, match="not a birth date"):
        read_birth_day(text, ("%m/%d/%Y", "%m/%d/%y"), date(2026, 3, 2))


@pytest.mark.parametrize("text", ["0001-01-01", "9999-12-31", "1799-12-31", "2200-01-01"])
def test_fault_58_a_year_in_which_nothing_can_lie_is_no_date(text: str) -> None:
    with pytest.raises(ValueError, match="not a date"):
        read_day(text)
    with pytest.raises(ValueError, match="not a date"):
        read_moment(f"{text} 23:59", CHICAGO)


def test_fault_32_a_naive_time_is_the_zones() -> None:
    assert read_moment("2026-01-05 09:30", CHICAGO) == (datetime(2026, 1, 5, 15, 30, tzinfo=UTC), date(2026, 1, 5))


def test_fault_32_of_two_occurrences_the_first_counts() -> None:
    instant, _ = read_moment("2026-11-01 01:30", CHICAGO)
    assert instant == datetime(2026, 11, 1, 6, 30, tzinfo=UTC)


def test_fault_32_a_time_that_does_not_exist_moves_forward_by_the_gap() -> None:
    instant, _ = read_moment("2026-03-08 02:30", CHICAGO)
    assert instant.astimezone(CHICAGO).hour == 3


def test_an_aware_time_has_the_sites_local_day() -> None:
    assert read_moment("2026-01-06T03:00:00Z", CHICAGO)[1] == date(2026, 1, 5)


@given(
    st.integers(-600_000_000, 3_700_000_000).map(lambda n: datetime.fromtimestamp(n, UTC).replace(tzinfo=None)),
    st.sampled_from(["America/Denver", "Europe/Berlin", "UTC"]),
)
def test_the_local_day_is_the_instants_day_in_the_zone(moment: datetime, key: str) -> None:
    zone = ZoneInfo(key)
    instant, day = read_moment(moment.isoformat(sep=" "), zone)
    assert instant.astimezone(zone).date() == day
    assert abs(instant.astimezone(zone).replace(tzinfo=None) - moment) <= timedelta(hours=2)


def test_flags_are_the_listed_words_in_any_case() -> None:
    assert [read_flag(word) for word in ("yes", "TRUE", "1", "Y")] == [True] * 4
    assert [read_flag(word) for word in ("No", "false", "0", "n")] == [False] * 4
    assert read_active("Inactive") is False
    with pytest.raises(ValueError, match="not yes or no"):
        read_flag("maybe")


def test_a_date_of_death_says_deceased() -> None:
    read = death_reader(("%m/%d/%Y",))
    assert (read("no"), read("01/31/2026"), read("2026-01-31")) == (False, True, True)


def test_a_whole_number_may_carry_a_spreadsheets_point_zero() -> None:
    assert read_whole("12.0") == 12
    for text in ("-1", "12.5", "a", "1e3"):
        with pytest.raises(ValueError, match="whole"):
            read_whole(text)


def test_an_email_is_lower_cased() -> None:
    assert read_email(" Ann.Lee@Example.COM ") == "ann.lee@example.com"


@pytest.mark.parametrize(
    "text",
    [
        "ann",
        "ann@",
        "@example.com",
        "ann@@example.com",
        "a b@example.com",
        "ann@example",
        "ann..lee@example.com",
        ".ann@example.com",
        "ann@-example.com",
    ],
)
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not an e-mail address"):
        read_email(text)


_LOCAL = st.text("abz09._+-", min_size=1, max_size=66)
_LABEL = st.text("abz09-", min_size=1, max_size=65)


@given(_LOCAL, st.lists(_LABEL, min_size=1, max_size=3), st.sampled_from(["com", "org", "us", "test", "local", "c"]))
def test_the_fast_path_accepts_only_what_the_library_accepts(local: str, labels: list[str], top: str) -> None:
    text = f"{local}@{'.'.join(labels)}.{top}"
    try:
        address = read_email(text)
    except ValueError:
        return
    assert validate_email(text, check_deliverability=False).normalized.lower() == address


@pytest.mark.parametrize(
    "address",
    [
        "none@none.com",
        "noemail@clinic.com",
        "no-email@example.com",
        "test@test.com",
        "na@na.com",
        "declined@gmail.com",
        "ann@noemail.com",
    ],
)
def test_fault_59_a_stand_in_for_no_address_is_known(address: str) -> None:
    assert is_placeholder(address)


@pytest.mark.parametrize(
    "address", ["ann@example.com", "na@example.com", "test@example.com", "noemi@example.com", "ann@test.com"]
)
def test_a_persons_address_is_no_stand_in(address: str) -> None:
    assert not is_placeholder(address)


@pytest.mark.parametrize(
    "text", ["(402) 555-0123", "402-555-0123", "4025550123", "1 402 555 0123", "+1 402.555.0123", "402 555 0123 ext. 4"]
)
def test_a_phone_is_e164(text: str) -> None:
    assert read_phone(text, "US") == "+14025550123"


def test_a_foreign_number_needs_its_country_code() -> None:
    assert read_phone("+49 30 901820", "US") == "+4930901820"


@pytest.mark.parametrize("text", ["555-0123", "none", "12"])
def test_a_number_of_impossible_length_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="phone"):
        read_phone(text, "US")


@pytest.mark.parametrize("text", ["000-000-0000", "999 999 9999"])
def test_one_digit_repeated_is_a_stand_in(text: str) -> None:
    with pytest.raises(Placeholder):
        read_phone(text, "US")


@given(st.from_regex(r"(\+?1[ .-]?)?\(?[2-9][0-9]{2}\)?[ .-]{0,2}[0-9]{3}[ .-]?[0-9]{4}", fullmatch=True))
def test_the_fast_path_finds_the_librarys_digits(text: str) -> None:
    number = phonenumbers.parse(text, "US")
    try:
        assert read_phone(text, "US") == phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
    except Placeholder:
        assert len(set(str(number.national_number))) == 1


@pytest.mark.parametrize(
    ("text", "given_name", "family_name"),
    [
        ("LEE, ANN M.", "ANN", "LEE"),
        ("Ann Lee", "Ann", "Lee"),
        ("Ann M. Lee Jr.", "Ann", "Lee"),
        ("Lee Jr, Ann", "Ann", "Lee Jr"),
        ("Ann van der Berg", "Ann", "van der Berg"),
        ("Lee", None, "Lee"),
        ("Ann Lee, III", "Ann", "Lee"),
        ("Mary Ann Lee", "Mary Ann", "Lee"),
    ],
)
def test_a_full_name_is_taken_apart(text: str, given_name: str | None, family_name: str) -> None:
    assert split_full_name(text) == (given_name, family_name)


@given(st.text(max_size=30))
def test_cleaning_a_name_twice_changes_nothing_more(text: str) -> None:
    assert clean(clean(text)) == clean(text)


def test_status_spellings_that_mean_one_thing_are_read() -> None:
    spelled = {
        "No Show": "noshow",
        "no_show": "noshow",
        "NS": "noshow",
        "DNA": "noshow",
        "Canceled": "cancelled",
        "Checked-In": "arrived",
        "BOOKED": "booked",
    }
    assert {text: read_status(text) for text in spelled} == spelled
    with pytest.raises(ValueError, match="status"):
        read_status("LWBS")


def test_sex_and_language_are_read_by_their_usual_words() -> None:
    assert [read_sex(word) for word in ("F", "male", "X", "Unknown")] == ["female", "male", "other", "unknown"]
    words = {"English": "en", "SPANISH": "es", "spa": "es", "es_mx": "es-MX", "zh-hant": "zh-Hant", "vi": "vi"}
    assert {text: read_language(text) for text in words} == words
    with pytest.raises(ValueError, match="language"):
        read_language("Klingon!")


def test_a_payer_is_its_class_by_the_operators_map_over_the_presets() -> None:
    read = payer_reader({"workers_comp": ("WCOMP", "7")}, {"commercial": ("7", "PPO")})
    words = {
        "wcomp ": "workers_comp",
        "7": "workers_comp",
        "ppo": "commercial",
        "Medicare": "medicare",
        "ACME": "other",
    }
    assert {text: read(text) for text in words} == words
