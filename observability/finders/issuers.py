"""Keys and tokens that show by their form who issued them, and private keys."""

import re
from collections.abc import Iterator

from observability.finders.detection import Detection
from observability.finders.likeness import is_placeholder

# Each has words of which a text must hold one before its pattern is tried: that is what keeps it cheap.
_ISSUED = (
    ("AWS access key", ("AKIA", "ASIA"), r"A[KS]IA[A-Z2-7]{16}(?![A-Za-z0-9])"),
    ("AWS session token", ("oJb3JpZ2lu", "oGZXIvYXdz"), r"(?:IQoJb3JpZ2lu|F[wQ]oGZXIvYXdz)[A-Za-z0-9+/=%]{60,4000}"),
    ("Bedrock key", ("ABSK", "bedrock-api-key-"), r"(?:ABSK|bedrock-api-key-)[A-Za-z0-9+/=]{80,2000}"),
    ("Amazon MWS token", ("amzn.mws.",), r"amzn\.mws\.[0-9a-f-]{36}"),
    ("Alibaba access key", ("LTAI",), r"LTAI[A-Za-z0-9]{16,21}(?![A-Za-z0-9])"),
    ("Tencent access key", ("AKID",), r"AKID[A-Za-z0-9]{32}(?![A-Za-z0-9])"),
    ("GitHub token", ("ghp_", "gho_", "ghu_", "ghs_", "ghr_"), r"gh[pousr]_[A-Za-z0-9]{30,255}"),
    ("GitHub token", ("github_pat_",), r"github_pat_\w{40,255}"),
    (
        "GitLab token",
        ("glpat-", "gldt-", "glrt", "glcbt-", "glptt-", "glft-", "glimt-", "glagent-", "glsoat-", "glffct-", "glwt-"),
        r"gl(?:pat|dt|rtr?|cbt|ptt|ft|imt|agent|soat|ffct|wt)-[\w-]{20,300}(?:\.[0-9a-z]{2}\.[0-9a-z]{7,9})?",
    ),
    ("GitLab token", ("GR1348941",), r"GR1348941[\w-]{20}"),
    ("Slack token", ("xox", "xapp-", "xwfp-"), r"(?:xoxe\.)?(?:xox[a-eoprs]|xapp|xwfp)-[A-Za-z0-9%+/=-]{20,400}"),
    (
        "Slack webhook",
        ("hooks.slack",),
        r"https://hooks\.slack(?:-gov)?\.com/(?:services|workflows|triggers)/[\w/+-]{30,200}",
    ),
    (
        "Discord webhook",
        ("/api/webhooks/",),
        r"https://(?:(?:ptb|canary)\.)?discord(?:app)?\.com/api/(?:v\d+/)?webhooks/\d+/[\w-]{50,100}",
    ),
    (
        "webhook",
        ("hooks.zapier.com", "maker.ifttt.com", ".make.com/", "/webhookb2/", "chat.googleapis.com", "hc-ping.com"),
        (
            r"https://(?:hooks\.zapier\.com/hooks/catch/\d+/\w{6,20}"
            r"|maker\.ifttt\.com/trigger/[^\s/]{1,60}/(?:json/)?with/key/[\w-]{20,60}"
            r"|hook\.\w+\.make\.com/\w{30,40}|hc-ping\.com/[\w-]{20,60}"
            r"|[\w.-]{1,80}/webhookb2/[\w@-]{36,80}/[A-Za-z]{4,30}/[0-9a-f]{32}"
            r"(?:/[\w-]{36,100}){0,2}|chat\.googleapis\.com/v1/spaces/[^\s\"'<>]{20,300})"
        ),
    ),
    ("Stripe key", ("k_live_", "k_test_", "k_org_"), r"[srp]k_(?:org_)?(?:live|test)_[A-Za-z0-9]{16,300}"),
    ("webhook secret", ("whsec_",), r"whsec_[A-Za-z0-9+/=]{24,100}"),
    ("Square token", ("sq0", "EAAA"), r"(?:sq0(?:atp|csp|idp)-[\w-]{22,60}|EAAA[A-Za-z0-9_-]{60}(?![\w-]))"),
    ("Braintree token", ("access_token$",), r"access_token\$(?:production|sandbox)\$[0-9a-z]{16}\$[0-9a-f]{32}"),
    ("Plaid token", ("access-",), r"access-(?:sandbox|development|production)-[0-9a-f]{8}-[0-9a-f-]{27}"),
    ("Flutterwave key", ("FLWSECK",), r"FLWSECK(?:_TEST)?-[0-9A-Za-z]{12,40}(?:-X)?"),
    ("Mollie key", ("live_", "test_"), r"(?:live|test)_[A-Za-z0-9]{30,64}(?![\w-])"),
    ("Paddle key", ("pdl_",), r"pdl_(?:live|sdbx)_apikey_[a-z0-9]{26}_\w{22}_\w{3}"),
    ("Polar token", ("polar_",), r"polar_(?:oat|pat|at_[uo]|rt_[uo])_[A-Za-z0-9]{30,60}"),
    ("Anthropic key", ("sk-ant-",), r"sk-ant-[\w-]{24,200}"),
    ("OpenAI key", ("sk-",), r"sk-(?:proj-|svcacct-|admin-|or-v1-|lf-)?[A-Za-z0-9_-]{20,300}"),
    ("Google API key", ("AIza",), r"AIza[\w-]{33,40}(?![\w-])"),
    ("Google API key", ("AQ.Ab",), r"AQ\.Ab[\w-]{40,80}"),
    ("Google client secret", ("GOCSPX-",), r"GOCSPX-[\w-]{20,60}"),
    ("Google access token", ("ya29.",), r"ya29\.[\w.-]{20,2000}"),
    ("Google refresh token", ("1//0",), r"1//0[\w-]{40,200}"),
    ("Google authorization code", ("4/0A",), r"4/0A[\w-]{40,200}"),
    ("Google HMAC key", ("GOOG1",), r"GOOG1[A-Za-z0-9]{20,60}(?![A-Za-z0-9])"),
    ("Firebase key", (":APA91b",), r"[\w-]{11,22}:APA91b[\w-]{100,200}"),
    ("Hugging Face token", ("hf_", "api_org_"), r"(?:hf_|api_org_)[A-Za-z0-9]{30,60}"),
    ("npm token", ("npm_",), r"npm_[A-Za-z0-9]{36}"),
    ("PyPI token", ("pypi-",), r"pypi-[\w-]{50,400}"),
    ("RubyGems key", ("rubygems_",), r"rubygems_[a-f0-9]{48}"),
    ("crates.io token", ("cio",), r"cio[A-Za-z0-9]{32}(?![A-Za-z0-9])"),
    ("NuGet key", ("oy2",), r"oy2[a-z0-9]{43}(?![A-Za-z0-9])"),
    ("Clojars token", ("CLOJARS_",), r"CLOJARS_[a-z0-9]{60}"),
    ("Artifactory token", ("AKCp", "cmVmdGtu"), r"(?:AKCp[A-Za-z0-9]{60,80}|cmVmdGtu[A-Za-z0-9]{50,60})"),
    ("SendGrid key", ("SG.",), r"SG\.[\w-]{16,40}\.[\w-]{16,80}"),
    ("Twilio key", ("SK",), r"SK[0-9a-f]{32}(?![0-9a-zA-Z])"),
    ("Mailgun key", ("key-",), r"key-[0-9a-f]{32}(?![0-9a-zA-Z])"),
    ("Mailchimp key", ("-us",), r"[0-9a-f]{32}-us\d{1,2}(?!\w)"),
    ("Brevo key", ("xkeysib-", "xsmtpsib-"), r"x(?:keysib|smtpsib)-[a-f0-9]{64}-[A-Za-z0-9]{16}"),
    ("Resend key", ("re_",), r"re_[A-Za-z0-9]{7,10}_[A-Za-z0-9]{20,30}(?![\w-])"),
    ("MailerSend token", ("mlsn.",), r"mlsn\.[a-f0-9]{64}"),
    ("Telnyx key", ("KEY0",), r"KEY0[0-9A-F]{31}_\w{22}"),
    ("HubSpot token", ("pat-",), r"pat-(?:na|eu|ap)\d-[0-9a-fA-F]{8}-[0-9a-fA-F-]{27}"),
    ("DigitalOcean token", ("dop_v1_", "doo_v1_", "dor_v1_"), r"do[opr]_v1_[a-f0-9]{64}"),
    ("Heroku key", ("HRKU-",), r"HRKU-[\w-]{36,70}"),
    ("Fly token", ("fo1_", "fm1", "fm2_"), r"(?:fo1_[\w-]{43}|fm[12][ar]?_[A-Za-z0-9+/=]{60,2000})"),
    ("Render key", ("rnd_",), r"rnd_[A-Za-z0-9]{28,40}"),
    ("Netlify token", ("nfp_", "nfu_", "nfc_", "nfo_"), r"nf[pcuo]_[A-Za-z0-9]{36,60}"),
    ("Vercel token", ("vcp_", "vck_", "vca_", "vci_", "vcr_"), r"vc[pkair]_[A-Za-z0-9]{40,80}"),
    ("Vercel token", ("vercel_blob_rw_",), r"vercel_blob_rw_\w{30,100}"),
    ("Supabase key", ("sbp_", "sb_secret_"), r"(?:sbp_(?:oauth_|v0_)?[a-f0-9]{40}|sb_secret_[\w-]{20,60})"),
    ("Neon key", ("napi_", "npg_"), r"(?:napi_[a-z0-9]{40,80}|npg_[A-Za-z0-9]{12,20}(?!\w))"),
    ("PlanetScale token", ("pscale_",), r"pscale_(?:tkn|pw|oauth)_[\w.=-]{32,64}"),
    ("Cloudflare token", ("cfut_", "cfat_", "cfk_"), r"cf(?:ut|at|k)_[A-Za-z0-9]{40,60}"),
    ("Cloudflare origin key", ("v1.0-",), r"v1\.0-[a-f0-9]{24}-[a-f0-9]{146}"),
    ("Yandex key", ("AQVN",), r"AQVN[\w-]{35,38}(?![\w-])"),
    ("Shopify token", ("shp",), r"shp(?:at|ss|ca|pa|ua|tka)_[a-fA-F0-9]{32}"),
    ("Docker token", ("dckr_",), r"dckr_[po]at_[\w-]{20,60}"),
    ("Databricks token", ("dapi", "dkea", "dose"), r"(?:dapi|dkea|dose)[a-f0-9]{32}(?:-\d)?(?![a-f0-9])"),
    ("dbt token", ("dbtc_", "dbtu_"), r"dbt[cu]_[\w-]{30,80}"),
    ("Airtable token", ("pat",), r"pat[A-Za-z0-9]{14}\.[a-f0-9]{64}"),
    ("Figma token", ("figd_", "figu_", "figo_"), r"fig[duo]_[\w-]{36,80}"),
    ("Asana token", ("/",), r"[012]/\d{10,20}(?:/\d{10,20})?:[a-f0-9]{32}(?![a-f0-9])"),
    ("Atlassian token", ("ATATT3", "ATCTT3", "ATBB"), r"(?:AT[AC]TT3[\w=-]{60,300}|ATBB[A-Za-z0-9]{28,40})"),
    ("Trello token", ("ATTA",), r"ATTA[a-f0-9]{64,72}"),
    ("Linear key", ("lin_",), r"lin_(?:api|oauth|wh)_[A-Za-z0-9]{32,80}"),
    ("Notion token", ("ntn_", "secret_"), r"(?:ntn_[A-Za-z0-9]{40,60}|secret_[A-Za-z0-9]{43}(?!\w))"),
    ("ClickUp token", ("pk_",), r"pk_\d{5,12}_[A-Z0-9]{32}"),
    ("Typeform token", ("tfp_",), r"tfp_[\w-]{40,80}"),
    ("Dropbox token", ("sl.",), r"sl\.(?:u\.)?[\w-]{100,2000}"),
    ("Contentful token", ("CFPAT-",), r"CFPAT-[\w-]{40,50}"),
    ("Postman key", ("PMAK-", "PMAT-"), r"PMA(?:K-[a-f0-9]{24}-[a-f0-9]{34}|T-[0-9A-Z]{26})"),
    ("Sourcegraph token", ("sgp_", "slk_"), r"(?:sgp|slk)_[A-Za-z0-9_]{40,90}"),
    ("Mapbox token", ("k.eyJ",), r"[st]k\.eyJ[\w-]{20,300}\.[\w-]{20,100}"),
    ("Grafana token", ("glsa_", "glc_"), r"gl(?:sa|c)_[A-Za-z0-9+/=_]{32,300}"),
    ("New Relic key", ("NRAK-", "NRRA-", "NRJS-", "NRII-", "NRAA-", "NRIQ-"), r"NR(?:AK|RA|JS|II|AA|IQ)-[\w-]{19,60}"),
    ("New Relic key", ("NRAL",), r"(?:eu01xx|us01xx|[a-f0-9]{6})[a-f0-9]{26,34}NRAL"),
    ("Dynatrace token", ("dt0",), r"dt0[a-z]\d{2}\.[A-Z0-9]{8,24}\.[A-Z0-9]{64}"),
    ("Sentry token", ("sntrys_", "sntryu_"), r"(?:sntrys_eyJ[A-Za-z0-9+/=_]{60,400}|sntryu_[a-f0-9]{64})"),
    ("Honeycomb key", ("hcaik_", "hcamk_", "hcbik_", "hcxik_"), r"hc[a-z]{2}k_[a-z0-9]{30,80}"),
    ("PostHog key", ("phx_", "phs_"), r"ph[xs]_[A-Za-z0-9]{40,60}"),
    ("LaunchDarkly key", ("sdk-", "api-", "mob-"), r"(?:sdk|api|mob)-[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"),
    ("Statsig key", ("secret-",), r"secret-(?!key)[A-Za-z0-9]{40,50}(?![\w-])"),
    ("LangSmith key", ("lsv2_", "ls__"), r"(?:lsv2_(?:pt|sk)_[a-f0-9]{32}_[a-f0-9]{10}|ls__[a-f0-9]{32})"),
    ("Weights & Biases key", ("wandb_v1_",), r"wandb_v1_\w{40,120}"),
    ("Groq key", ("gsk_",), r"gsk_[A-Za-z0-9]{40,80}"),
    ("xAI key", ("xai-",), r"xai-[A-Za-z0-9]{60,100}"),
    ("Perplexity key", ("pplx-",), r"pplx-[A-Za-z0-9]{40,80}"),
    ("Replicate token", ("r8_",), r"r8_[A-Za-z0-9]{32,50}"),
    ("Together key", ("tgp_v1_",), r"tgp_v1_[\w-]{40,60}"),
    ("Fireworks key", ("fw_",), r"fw_[A-Za-z0-9]{22,40}(?![\w-])"),
    ("Cerebras key", ("csk-",), r"csk-[a-z0-9]{40,60}"),
    ("NVIDIA key", ("nvapi-",), r"nvapi-[\w-]{50,100}"),
    ("Tavily key", ("tvly-",), r"tvly-(?:dev-|prod-)?[A-Za-z0-9]{20,60}"),
    ("Jina key", ("jina_",), r"jina_[a-f0-9]{32}[\w-]{20,40}"),
    ("Voyage key", ("pa-",), r"pa-[\w-]{43}(?![\w-])"),
    ("ElevenLabs key", ("sk_",), r"sk_[a-f0-9]{48}(?!\w)"),
    ("Pinecone key", ("pcsk_",), r"pcsk_\w{5,8}_\w{40,80}"),
    ("Firecrawl key", ("fc-",), r"fc-[a-f0-9]{32}(?![a-f0-9])"),
    ("E2B key", ("e2b_",), r"e2b_[a-f0-9]{40}"),
    ("RunPod key", ("rpa_",), r"rpa_[A-Za-z0-9]{38,60}"),
    ("LlamaCloud key", ("llx-",), r"llx-[A-Za-z0-9]{40,60}"),
    ("Anyscale key", ("esecret_",), r"esecret_[a-z0-9]{22,60}"),
    ("Apify token", ("apify_api_",), r"apify_api_[A-Za-z0-9]{30,60}"),
    ("Inngest key", ("signkey-",), r"signkey-(?:prod|test|branch)-[a-f0-9]{32,64}"),
    ("Trigger key", ("tr_",), r"tr_(?:prod|dev|stg|pat)_[A-Za-z0-9]{20,60}"),
    ("Stytch secret", ("secret-",), r"secret-(?:live|test)-[\w-]{30,60}=?"),
    ("Telegram bot token", (":AA",), r"\d{8,10}:AA[\w-]{32,34}(?![\w-])"),
    ("Facebook token", ("EAA",), r"EAA[A-Za-z0-9]{90,300}"),
    ("Instagram token", ("IGQ", "IGAA"), r"IG(?:QV|QW|AA)[\w-]{90,300}"),
    ("Twitter token", ("AAAAAAAAAAAAAAAAAAAAA",), r"A{21,22}[A-Za-z0-9%]{60,120}"),
    ("Twitch token", ("oauth:",), r"oauth:[a-z0-9]{30}(?!\w)"),
    ("Salesforce session", ("00D",), r"00D[A-Za-z0-9]{12,15}![A-Za-z0-9._]{60,140}"),
    ("Duffel token", ("duffel_",), r"duffel_(?:live|test)_[\w-]{40,50}"),
    ("Shippo token", ("shippo_",), r"shippo_(?:live|test)_[a-f0-9]{40}"),
    ("EasyPost key", ("EZAK", "EZTK"), r"EZ[AT]K[A-Za-z0-9]{54}"),
    ("age key", ("AGE-SECRET-KEY-",), r"AGE-SECRET-KEY-1[A-Z0-9]{50,80}"),
    ("Nostr key", ("nsec1",), r"nsec1[a-z0-9]{58}"),
    ("wallet key", ("prv",), r"[xyzt]prv[1-9A-HJ-NP-Za-km-z]{100,112}"),
    ("Vault token", ("hvs.", "hvb.", "hvr."), r"hv[sbr]\.[\w-]{24,300}"),
    ("Doppler token", ("dp.",), r"dp\.(?:pt|st|sa|ct|scim|audit|said)\.(?:[\w-]{2,35}\.)?[A-Za-z0-9]{40,44}"),
    ("1Password token", ("ops_eyJ",), r"ops_eyJ[A-Za-z0-9+/=_-]{60,2000}"),
    ("1Password key", ("A3-",), r"A3-[A-Z0-9]{6}(?:-[A-Z0-9]{5,11}){4,6}(?![\w-])"),
    ("Terraform token", (".atlasv1.",), r"[A-Za-z0-9]{14}\.atlasv1\.[\w=-]{60,100}"),
    ("Pulumi token", ("pul-",), r"pul-[a-f0-9]{40}"),
    ("Prefect key", ("pnu_", "pnb_"), r"pn[ub]_[A-Za-z0-9]{36}"),
    ("Buildkite token", ("bkua_", "bkaj_", "bkpt_"), r"bk(?:ua|aj|pt)_[A-Za-z0-9]{40,70}"),
    ("CircleCI token", ("CCIPAT_", "CCIPRJ_"), r"CCIP(?:AT|RJ)_[A-Za-z0-9]{22}_[a-f0-9]{40}"),
    ("Sonar token", ("squ_", "sqp_", "sqa_"), r"sq[upa]_[a-f0-9]{40}"),
    ("Tailscale key", ("tskey-",), r"tskey-(?:[a-z]{2,10}-)?[A-Za-z0-9]{8,40}-[A-Za-z0-9]{16,60}"),
    ("Rancher token", ("token-",), r"token-\w{5}:[a-z0-9]{54}"),
    ("k3s token", ("::server:",), r"K10[a-f0-9]{64}::server:\w{16,64}"),
    ("Octopus key", ("API-",), r"API-[A-Z0-9]{25,36}(?![\w-])"),
    ("Harness token", ("pat.",), r"pat\.[\w-]{22}\.[0-9a-f]{24}\.[A-Za-z0-9]{20}"),
    ("Azure DevOps token", ("AZDO",), r"[A-Za-z0-9]{72,80}AZDO[A-Za-z0-9]{4}"),
    ("Azure key", ("JQQJ99",), r"[A-Za-z0-9]{40,60}JQQJ99[A-Za-z0-9]{20,40}"),
    ("Azure client secret", ("Q~",), r"[\w~.-]{3,5}Q~[\w~.-]{30,36}"),
    ("Azure account key", ("AccountKey=",), r"AccountKey=[A-Za-z0-9+/]{60,120}={0,2}"),
    ("Azure shared key", ("SharedAccessKey=",), r"SharedAccessKey=[A-Za-z0-9+/]{40,100}={0,2}"),
    ("Discord token", (".",), r"[MNO][\w-]{23,27}\.[\w-]{6,7}\.[\w-]{27,45}(?![\w.-])"),
    ("Bitcoin key", ("5", "K", "L"), r"[5KL][1-9A-HJ-NP-Za-km-z]{50,51}(?![\w-])"),
    ("JSON web token", ("eyJ",), r"eyJ[\w-]{10,2000}\.eyJ[\w-]{10,8000}\.[\w-]{16,2000}"),
    ("encrypted web token", ("eyJ",), r"eyJ[\w-]{10,1000}\.[\w-]{0,1000}\.[\w-]{12,40}\.[\w-]{10,8000}\.[\w-]{20,30}"),
    ("PASETO", ("v2.", "v3.", "v4."), r"v[234]\.(?:local|public)\.[\w-]{40,4000}"),
)
_FORMS = tuple((name, re.compile(rf"(?<![A-Za-z0-9_-])(?:{pattern})", re.ASCII)) for name, _, pattern in _ISSUED)
_TOLD = tuple((word, form) for (_, words, _), form in zip(_ISSUED, _FORMS, strict=True) for word in words)
# None is shorter, and few words are as long.
_SHORTEST = 16
_RUN = re.compile(r"[!-~]{16,}")
_PRIVATE_KEY = re.compile(r"-----BEGIN [A-Z0-9 ]{0,24}PRIVATE KEY(?: BLOCK)?-----")
_PRIVATE_KEY_END = re.compile(r"-----END [A-Z0-9 ]{0,24}PRIVATE KEY(?: BLOCK)?-----")
_PUTTY_KEY = re.compile(r"Private-Lines: \d{1,3}(?P<value>(?:(?:\s|\\[rn]){1,4}[A-Za-z0-9+/=]{20,70}){2,100})")
_LONGEST_KEY = 8_000
# What documentation shows in its place is shorter.
_SHORTEST_BODY = 100
_SHORTEST_PUTTY = 60
_BODY = re.compile(r"[A-Za-z0-9+/=]{16,}")


def issued(text: str) -> Iterator[Detection]:
    long = _long_words(text)
    for name, pattern in dict.fromkeys([form for word, form in _TOLD if word in long]) if long else ():
        for found in pattern.finditer(text):
            if not is_placeholder(found[0]):
                yield Detection("secret", *found.span(), name)
    if "PRIVATE KEY" in text:
        yield from _private_keys(text)
    if "Private-Lines: " in text:
        yield from (Detection("secret", *each.span("value"), "private key") for each in _PUTTY_KEY.finditer(text))


def _long_words(text: str) -> str:
    words = [word for word in text.replace('"', " ").split() if len(word) >= _SHORTEST]
    if not text.isascii():
        # In scripts without blanks sentences are as long as that.
        words = [run for word in words for run in ([word] if word.isascii() else _RUN.findall(word))]
    return " ".join(words)


def _private_keys(text: str) -> Iterator[Detection]:
    """To their end, or, where a text was cut off, as far as a key may reach."""
    at = 0
    while (begin := _PRIVATE_KEY.search(text, at)) is not None:
        at = min(begin.end() + _LONGEST_KEY, len(text))
        end = _PRIVATE_KEY_END.search(text, begin.end(), at)
        body = _BODY.findall(text, begin.end(), end.start() if end else at)
        at = end.end() if end else at
        if sum(map(len, body)) >= _SHORTEST_BODY and not is_placeholder("".join(body)):
            yield Detection("secret", begin.start(), at, "private key")
