"""Secrets in the forms of their issuers, and by what stands around them. All values are made up here."""

import json
import random
import string
from html import escape
from urllib.parse import quote

import pytest

from observability.redaction import detect, redact

HEX, LETTERS, CAPITALS = "0123456789abcdef", string.ascii_letters + string.digits, "ABCDEFGHJKLMNPQRSTUVWXYZ234567"
# Within what a scanner would take for a password; it is removed before the text is looked at.
MARKER = "\N{PERPENDICULAR}"
PASSWORDS = ("Qv7#r⟂Lm2xT", "birken⟂Wald77")
KEY = "f3Kd9LmQ2x⟂Vt8RzW5nBy".replace(MARKER, "")


def _made_up(size: int, of: str = LETTERS) -> str:
    chosen = random.Random(f"{size}{of}")
    return "".join(chosen.choices(of, k=size))


TOKENS = (
    "AKIA" + _made_up(16, CAPITALS),
    "gh" + "p_" + _made_up(36),
    "github_pat_" + _made_up(22) + "_" + _made_up(59),
    "glrt-" + _made_up(20),
    "xoxe.xoxp-1-" + _made_up(60),
    "rk_live_" + _made_up(24),
    "sk-ant-api03-" + _made_up(90),
    "AQ.Ab" + _made_up(50),
    "1//0" + _made_up(60),
    "hf_" + _made_up(34, string.ascii_letters),
    "SG." + _made_up(22) + "." + _made_up(43),
    _made_up(32, HEX) + "-us12",
    "xkeysib-" + _made_up(64, HEX) + "-" + _made_up(16),
    "re_" + _made_up(8) + "_" + _made_up(24),
    "hvs." + _made_up(60),
    "dp.st.prd." + _made_up(43),
    "tskey-auth-" + _made_up(12) + "-" + _made_up(32),
    "PMAK-" + _made_up(24, HEX) + "-" + _made_up(34, HEX),
    "dt0c01." + _made_up(24, CAPITALS) + "." + _made_up(64, CAPITALS),
    "lsv2_pt_" + _made_up(32, HEX) + "_" + _made_up(10, HEX),
    "pat" + _made_up(14) + "." + _made_up(64, HEX),
    "nvapi-" + _made_up(64),
    "pcsk_" + _made_up(6) + "_" + _made_up(60),
    "sb_secret_" + _made_up(31),
    "CCIPAT_" + _made_up(22) + "_" + _made_up(40, HEX),
    "MTA" + _made_up(23) + "." + _made_up(6) + "." + _made_up(38),
    _made_up(14) + ".atlasv1." + _made_up(64),
    "eyJ" + _made_up(30) + ".eyJ" + _made_up(60) + "." + _made_up(43),
)


@pytest.mark.parametrize("token", TOKENS)
def test_a_token_that_shows_its_issuer_is_a_hit_wherever_it_stands(token: str) -> None:
    assert [(hit.kind, hit.end - hit.start) for hit in detect(f"said {token} there")] == [("secret", len(token))]
    for text in (f'["{token}",1]', f"a\\n{token}\\nb", f"\u200b{token}\u3002", f"密钥是{token}。"):
        assert token not in redact(text)


@pytest.mark.parametrize("password", PASSWORDS)
@pytest.mark.parametrize(
    "carrier",
    [
        # As programs are told it.
        "DB_PASSWORD=⟨⟩",
        "export PGPASSWORD='⟨⟩'",
        "db_password: ⟨⟩",
        "password: |\n  ⟨⟩",
        "$pass = '⟨⟩';",
        "password => '⟨⟩'",
        "define('DB_PASSWORD', '⟨⟩');",
        '{"password" : "⟨⟩"}',
        "{'password': '⟨⟩'}",
        '{\\"password\\":\\"⟨⟩\\"}',
        '{\\\\\\"password\\\\\\":\\\\\\"⟨⟩\\\\\\"}',
        "%22password%22%3A%22⟨⟩%22",
        "<password>⟨⟩</password>",
        "&lt;password&gt;⟨⟩&lt;/password&gt;",
        '<add key="Password" value="⟨⟩"/>',
        '<input type="password" name="password" value="⟨⟩">',
        "<key>Password</key>\n<string>⟨⟩</string>",
        "- name: DB_PASSWORD\n  value: ⟨⟩",
        '{"name":"DB_PASSWORD","value":"⟨⟩"}',
        '("password", "⟨⟩")',
        "<b>Password:</b> ⟨⟩",
        'name="password"\r\n\r\n⟨⟩',
        "Server=db;Uid=app;Pwd=⟨⟩;",
        "user=a&password=⟨⟩&b=c",
        "pass\u200bword: ⟨⟩",
        "PASSWORD\\u003d⟨⟩",
        # As commands are.
        "curl -u bob:⟨⟩ https://x",
        "mysql -uroot -p⟨⟩",
        "docker login -u bob -p ⟨⟩ reg.io",
        "redis-cli -a ⟨⟩ ping",
        "keytool -storepass ⟨⟩",
        "ldapsearch -x -w ⟨⟩ -b dc",
        "sqlcmd -U sa -P ⟨⟩",
        "machine h login bob password ⟨⟩",
        "echo bob:⟨⟩ | chpasswd",
        "net user bob ⟨⟩ /add",
        "CREATE USER a IDENTIFIED BY '⟨⟩'",
        "create role a login password '⟨⟩'",
        "INSERT INTO users (name, password) VALUES ('bob', '⟨⟩')",
        "HTTPBasicAuth('bob', '⟨⟩')",
        "ConvertTo-SecureString -String '⟨⟩' -AsPlainText",
        "WIFI:T:WPA;S:net;P:⟨⟩;;",
        "db:5432:shop:bob:⟨⟩",
        # As people are.
        "my password is ⟨⟩, can you look",
        "the admin password for the staging box is ⟨⟩.",
        "das WLAN-Passwort lautet ⟨⟩!",
        "le mot de passe du wifi est ⟨⟩",
        "la contraseña de la cuenta es ⟨⟩",
        "la password per il gestionale è ⟨⟩",
        "a senha do banco é ⟨⟩",
        "het wachtwoord van de beamer is ⟨⟩",
        "hasło do serwera to ⟨⟩",
        "heslo je ⟨⟩",
        "şifre: ⟨⟩",
        "lösenordet är ⟨⟩",
        "salasana on ⟨⟩",
        "пароль от админки ⟨⟩",
        "mật khẩu là ⟨⟩",
        "パスワードは「⟨⟩」です",
        "密码是⟨⟩",
        "비밀번호는 ⟨⟩ 입니다",
        "كلمة المرور: ⟨⟩",
        "**Password:** `⟨⟩`",
        "| user | password |\n|---|---|\n| bob | ⟨⟩ |",
        "login;password;role\nbob;⟨⟩;admin",
    ],
)
def test_a_password_does_not_get_out(carrier: str, password: str) -> None:
    value = password.replace(MARKER, "")
    assert value not in redact(carrier.replace("⟨⟩", value))


@pytest.mark.parametrize(
    "carrier",
    [
        "Authorization: Bearer ⟨⟩",
        '"Authorization": "ApiKey ⟨⟩"',
        "(b'authorization', b'Bearer ⟨⟩')",
        "X-Auth-Token: ⟨⟩",
        "x-functions-key: ⟨⟩",
        "Cookie: theme=dark; _app=⟨⟩; lang=de",
        "GET /x?access_token=⟨⟩&a=1",
        "GET /x?token%3D⟨⟩",
        "https://x.io/?key=⟨⟩",
        "&subscription-key=⟨⟩",
        "x?X-Amz-Security-Token=⟨⟩",
        "mongodb://u:⟨⟩@h1:27017,h2:27017/x",
        "the api key for prod is ⟨⟩",
        "ключ API: ⟨⟩",
        "la clé API est ⟨⟩",
        "could not validate token ⟨⟩",
        "Invalid API key provided: ⟨⟩",
        'private static final String API_KEY = "⟨⟩";',
        "ENV API_TOKEN ⟨⟩",
        "<token>⟨⟩</token>",
        '<property name="api.key" value="⟨⟩"/>',
        "sessionToken: '⟨⟩'",
        "GITEA_PAT=⟨⟩",
        '{"kty":"EC","d":"⟨⟩⟨⟩"}',
    ],
)
def test_a_key_does_not_get_out(carrier: str) -> None:
    assert KEY not in redact(carrier.replace("⟨⟩", KEY))


@pytest.mark.parametrize(
    "text",
    [
        "password is required; the password must have 12 characters; password reset link expires in 24h",
        "password=os.environ['DB_PW1'] password: ${DB_PASSWORD1}",
        "password: {{ vault_pw1 }} PASSWORD_FILE=/run/secrets/db_pw1",
        "password: ******** password=changeme password: your_password_here1 password=<secret>",
        "passed 12 tests, compass12, monkey42, author=knuth74, boarding pass AB12CD, pass 2 of 3, mountain pass 2400m",
        "max_tokens: 4096, token budget is 200k tokens, token_type=Bearer2, tokenizer=cl100k_base",
        "key = row.key2; sort key: created_at2; redis key user:123:profile; event.key === 'Enter'; primary_key=id2",
        "GPIO pin: 17, status code is 200, error code: 500, tan(0.5)",
        "auth: oauth2, hash sha256, session 42 started, sidebar2, salt 5g",
        'elif key == "BisectBatchOnFunctionError": session = tf.compat.v1.Session(graph=graph)',
        "Pass `capture_all=True` to it; how to pass inline=False",
        "def f(token, auth):\n    return g(1, 2)",
        "nextPageToken: eyJvZmZzZXQiOjUyfQ, arn:aws:secretsmanager:eu-central-1:000000000000:secret:prod/db-AbC27",
        "/reset?token=%7Btoken%7D&lang=de",
        "see cputime.c#L158 and x**2, 50%Off, AT&T2Go",
    ],
)
def test_what_only_names_a_secret_stays(text: str) -> None:
    assert redact(text) == text


def test_only_the_value_goes_also_where_it_is_escaped() -> None:
    assert (
        redact('{"m":"{\\"password\\":\\"Qv7rLm2xT\\",\\"a\\":1}"}')
        == '{"m":"{\\"password\\":\\"[secret]\\",\\"a\\":1}"}'
    )
    assert redact("token%3Df3Kd9LmQ2xVt8RzW5nBy a") == "token%3D[secret] a"


def test_where_two_overlap_nothing_of_either_is_left() -> None:
    assert redact("https://bob:p1%40Lm2xT@x.posteo.de/a") == "https://bob:[secret]/a"


@pytest.mark.parametrize(
    "text",
    [
        "la contraseña del panel es birkenWald77, ¿vale?",
        "管理画面のパスワードは「birkenWald77」です",
        "пароль: birkenWald77",
        "login;password;role\nkasse2;birkenWald77;cashier",
        "o IBAN é com a senha “birkenWald77”",
    ],
)
def test_it_is_found_however_it_is_packed(text: str) -> None:
    packed = json.dumps([{"role": "user", "content": text}])
    for each in (packed, json.dumps({"a": packed}), repr({"content": text}), quote(text), escape(text)):
        assert "birkenWald77" not in redact(each)
