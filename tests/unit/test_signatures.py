import pytest

from backend.security.signatures import parse_secret, sign

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


def test_a_message_is_signed_as_the_published_scheme_has_it() -> None:
    # The example of the scheme's own libraries.
    headers = sign(parse_secret(SECRET), "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, '{"test": 2432232314}')
    assert headers == {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }


@pytest.mark.parametrize("secret", ["", "whsec_", "secret", SECRET.removeprefix("whsec_"), "whsec_c2hvcnQ=", "whsec_?"])
def test_what_is_no_secret_is_refused_and_not_repeated(secret: str) -> None:
    with pytest.raises(ValueError, match="expected whsec_") as refused:
        parse_secret(secret)
    assert not secret.removeprefix("whsec_") or secret not in str(refused.value)
