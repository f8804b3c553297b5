"""What a text must not tell: secrets, and data of persons."""

import base64
import re
from collections.abc import Iterator, Sequence
from functools import cached_property
from itertools import islice

from graphs.quality.checks.derived import Known
from graphs.quality.checks.pieces import quoted
from graphs.quality.findings import Finding
from graphs.quality.review_input import ReviewInput
from observability.redaction import Detection, detect

# Enough to find a secret by, too little to use it.
_SHOWN = 4
_LARGEST = 1_000_000
# Each is looked for in all that was given.
_MOST_LOOKED_UP = 1_000

_LEAD = 100
_LEFT_OUT = re.compile(r"\.\.\.|…|\*{3}|[xX•]{4}")
_BASE64 = re.compile(r"[A-Za-z0-9+/]{4,400}={0,2}")
_HOUSE = re.compile(
    r"\b(?:hotline|helpline|help ?desk|call ?cent(?:er|re)|switchboard|reception|emergency|police"
    r"|fire brigade|embassy|consulate"
    r"|hospital|clinic|pharmacy|town hall|ministry|railways?|airport|airlines?|museum|library|university"
    r"|gmbh|inc|ltd|notruf"
    r"|notdienst|zentrale|polizei|feuerwehr|botschaft|konsulat|krankenhaus|klinik|apotheke|rathaus"
    r"|finanzamt|bürgeramt|\w+amt"
    r"|behörde|ministerium|bahn|flughafen|bibliothek|universität|telefonseelsorge|kundenservice"
    r"|kundendienst|urgences|pompiers"
    r"|ambassade|hôpital|mairie|préfecture|standard|bomberos|policía|embajada|hospital|ayuntamiento|emergencias"
    r"|\w*(?:hotline|zentrale|notruf|beratung)"
    r"|poison|crisis|lifeline|support|customer|council|court|city hall|consumer|information|advice|charity"
    r"|infolini\w*|linia|urząd\w*|szpital\w*|policj\w*|straż\w*|ambasad\w*|pogotowi\w*"
    r"|numero verde|centralin\w*|ospedal\w*|polizia|carabinieri|questura|ambasciat\w*|assistenza|soccorso|comune"
    r"|linha|atendimento|polícia|bombeiros|hospital|câmara|embaixada|disque|farmácia|ajuda|teléfono de"
    r"|klantenservice|gemeente|politie|brandweer|ziekenhuis|luisterlijn|balie|loket|meldpunt|huisartsenpost"
    r"|polis\w*|sjukhus\w*|kundtjänst|kundeservice|politi\w*|legevakt\w*|sygehus\w*|giftinformation\w*|alarm\w*"
    r"|hätä\w*|poliisi\w*|nemocnice|policie|hasiči|linka|kórház|rendőrség|hastane\w*|polis|itfaiye"
    r"|línea|ayuda|atención|samu|numéro vert|assistance|écoute|antipoison)\b"
    r"|горяч\w+ лини\w+|полици\w*|больниц\w*|посольств\w*|гаряч\w+ ліні\w+|номер доверия|телефон доверия"
    r"|客服|热线|熱線|咨询|咨詢|政府|医院|醫院|公安|大使馆|大使館"
    r"|窓口|警察|消防|ホットライン|コールセンター|センター|相談|お問い合わせ|案内|役所|病院|政府|観光局|大学"
    r"|상담|고객센터|경찰|병원|대사관|콜센터",
    re.IGNORECASE,
)
_SERVER = re.compile(
    r"\b(?:dns|name ?servers?|resolvers?|servers?|domains?|a records?|cidr|subnets?|hosts?|gateway"
    r"|example\.(?:com|org|net)|dig|nslookup"
    r"|server\w*|cloudflare|google|quad9|opendns)\b",
    re.IGNORECASE,
)
# Four numbers with points that are no address.
_VERSION = re.compile(
    r"\b(?:versions?|versionen|pin|pinned|releases?|firmware|driver|treiber|pep ?440|semver|oids?|asn\.?1|x\.?509"
    r"|changelog|requirements|upgrade|versión|versione|versão|wersj\w+)\b",
    re.IGNORECASE,
)
# As in a list of requirements; what one equals sign stands before is a value.
_PINNED = re.compile(r"(?:[=~<>!]=|[~^<>]) ?(\d+(?:\.\d+){3})")
_OTHER_NUMBER = re.compile(
    r"\b(?:order|serial|ticket|tracking|customer|invoice|part|article|item|model|reference|ref|case"
    r"|account|batch|lot|version|build"
    r"|\w*(?:kunden|bestell|artikel|rechnungs|auftrags|serien|sendungs|vorgangs|versicherungs|steuer"
    r"|konto|teile|aktenzeichen|id)"
    r"|commande|client|facture|dossier|pedido|cliente|factura|referencia)[\s-]*(?:n(?:o|r|umbers?|ummern?"
    r"|um|uméro|úmero)?\b\.?|#|id|code|º|°)?"
    r"\W{0,6}$",
    re.IGNORECASE,
)
_HOUSE_MAILBOX = re.compile(
    r"(?:poststelle|posteingang|kundenservice|kundendienst|zentrale|rathaus|buergeramt|bürgeramt"
    r"|verwaltung|sekretariat|redaktion"
    r"|bewerbung\w*|karriere|datenschutz|buchhaltung|rechnung\w*|vertrieb|bestellung\w*|service|kontakt"
    r"|anfrage\w*|empfang"
    r"|reception|accueil|mairie|secretariat|secrétariat|recrutement|reservation\w*|reservas|atencion\w*"
    r"|consultas|ventas|info\w*"
    r"|support\w*|help\w*|press\w*|media|feedback|booking\w*|orders?|customer\w*|enquir\w*|inquir\w*|dpo"
    r"|privacy|legal|abuse"
    r"|security|hello|hallo|hola|bonjour|team|office|newsletter|no-?reply\w*|git|jobs|careers|billing"
    r"|accounts?|invoices?)@",
    re.IGNORECASE,
)


def no_secret(review_input: ReviewInput) -> Iterator[Finding]:
    for hit in _news(review_input):
        if hit.kind == "secret" and not _is_example(hit, review_input.text):
            message = f"This looks like a real secret ({hit.name}); show a placeholder or read it from the environment."
            yield _at("no_secret", message, review_input.text, hit)


def no_personal_data(review_input: ReviewInput) -> Iterator[Finding]:
    houses = _Houses(review_input)
    for hit in _news(review_input):
        if hit.kind != "secret" and hit.name != "e-mail address of a role" and not houses.have(hit):
            message = (
                f"This may belong to a person ({hit.name}) and was not given; use one that is reserved for examples."
            )
            yield _at("no_personal_data", message, review_input.text, hit)


def _is_example(hit: Detection, text: str) -> bool:
    """Whether the rest is left out, or what is encoded is a placeholder, as in the manifest of a cluster."""
    if _LEFT_OUT.search(text, hit.start, min(hit.end + 4, len(text))):
        return True
    plain = text[hit.start : hit.end].strip("\"' ")
    if len(plain) % 4 or not _BASE64.fullmatch(plain):
        return False
    told = base64.b64decode(plain).decode(errors="replace").strip()
    return told.isascii() and told.isprintable() and not detect(f"password: {told}")


class _Houses:
    """What a text and its request say of an office, a server, a company or a release, read once for all its numbers."""

    def __init__(self, review_input: ReviewInput) -> None:
        self._text = review_input.text
        self._asked = review_input.prompt

    def have(self, hit: Detection) -> bool:
        """Whether a number or an address is said to be one of theirs, and no person's."""
        before = self._text[max(0, hit.start - _LEAD) : hit.start].rpartition("\n")[2]
        if hit.name == "telephone number":
            # In a list the number may come first.
            is_first = not before.strip(" -*•|\t")
            behind = self._text[hit.end : hit.end + _LEAD].partition("\n")[0] if is_first else ""
            is_theirs = self._are_asked_for or any(map(_HOUSE.search, (before, behind)))
            return is_theirs or _OTHER_NUMBER.search(before) is not None
        if hit.name.startswith("IP"):
            is_version = self._versions_are_asked_for or self._text[hit.start : hit.end] in self._pinned
            return is_version or any(sign.search(before) for sign in (_VERSION, _SERVER))
        return hit.kind == "email" and _HOUSE_MAILBOX.match(self._text, hit.start) is not None

    @cached_property
    def _are_asked_for(self) -> bool:
        return _HOUSE.search(self._asked) is not None

    @cached_property
    def _versions_are_asked_for(self) -> bool:
        return _VERSION.search(self._asked) is not None

    @cached_property
    def _pinned(self) -> frozenset[str]:
        return frozenset(_PINNED.findall(self._text))


def _news(review_input: ReviewInput) -> Sequence[Detection]:
    """What is found in the text and in nothing that its author was given."""
    if len(review_input.text) > _LARGEST:
        return ()
    found = detect(review_input.text)
    if not found:
        return ()
    known = Known(review_input.prompt, review_input.context, review_input.system_prompt)
    return [
        hit
        for hit in islice(found, _MOST_LOOKED_UP)
        if not known.has(review_input.text[hit.start : hit.end]) and not known.leads_to(hit, review_input.text)
    ]


def _at(by: str, message: str, text: str, hit: Detection) -> Finding:
    shown = text[hit.start : min(hit.start + _SHOWN, hit.end)]
    line = text.count("\n", 0, hit.start) + 1
    return Finding(by, "error", message, quoted(shown.split("\n")[0]), line, spans=[(hit.start, hit.end)])
