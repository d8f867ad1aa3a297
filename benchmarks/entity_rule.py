"""The rule that labels entities in the rated texts: amounts, dates, products, persons. By no person.

It reads whole documents (an article, a review) as they were written, and needs evidence for names:

- ``MONEY``: ``$`` with a number (and ``million``), or a number with dollars, cents, bucks, euros.
- ``DATE``: months with a day or year or by themselves (``May`` and ``March`` only with a number or behind
  words such as ``last``), years behind words such as ``in``, decades, ``last week``, ``three years ago``, and
  days of the week unless a word with a capital letter touches them (``Saturday Night Live``).
- ``PRODUCT``: a maker of :data:`MAKERS` with a line of :data:`LINES` or a code such as ``g3``; and these
  lines and codes by themselves in the same document. A maker by itself is no product.
- ``PERSON``: words with capital letters behind a title (``Mr.``, ``Senator``, ``director``), or a first name
  of :data:`FIRST` with words with capital letters; and the last of these words elsewhere in the same
  document. Not where a word of :data:`PLACES` follows (``Reagan Administration``).

Where two touch the same words, the first of the list above wins, then the longer.
"""

import re
from collections.abc import Iterable, Iterator, Sequence

Span = tuple[int, int, str]
"""From which character to before which, and the type."""

KINDS = ("MONEY", "DATE", "PRODUCT", "PERSON")

MAKERS = (
    "apex|apple|archos|canon|cingular|creative|dell|ericsson|fuji|hp|iriver|jvc|kodak|lexar|microsoft|minolta|"
    "motorola|nikon|nokia|olympus|palm|panasonic|philips|pioneer|rio|samsung|sandisk|sharp|siemens|sony|toshiba"
)
LINES = "coolpix|elph|ipod|jukebox|karma|nomad|playstation|powershot|xtra|zen"
_UNITS = r"mp3s?|id3|1st|2nd|3rd|\d+(?:x|k|th|s|mb|gb|g|mp|mm|in|ft|lb|v|mhz|khz|kbps)"
CODE = rf"(?!{_UNITS})(?=[a-z]*-?\d)(?:[a-z]{{1,3}}-?\d{{1,4}}[a-z]{{0,2}}|\d{{4}})"
FIRST = (
    "Aaron Adam Al Alan Albert Alexander Alfred Alice Allen Amy Andrea Andrew Andy Angela Ann Anna Anne "
    "Anthony Antonio Arnold Arthur Barack Barbara Barry Ben Benjamin Bernard Bernie Bert Betty Bill Bob "
    "Bobby Boris Brad Brian Bruce Cameron Carl Carlos Carol Caroline Catherine Charles Charlie Charlotte "
    "Chris Christine Christopher Clint Colin Craig Daniel Danny Dave David Dean Deborah Denis Dennis "
    "Diane Dick Don Donald Donna Douglas Ed Eddie Edith Edward Edwin Elaine Elizabeth Ellen Emily Eric "
    "Ernest Eugene Evelyn Francis Franklin Fred Frederick Gary Gene George Gerald Gilbert Glenn Gloria "
    "Gordon Greg Gregory Harold Harrison Harry Helen Henry Herbert Howard Hugh Ian Isabelle Jack Jackie "
    "Jacques James Jamie Jane Janet Jason Jay Jean Jeff Jeffrey Jennifer Jeremy Jerry Jesse Jessica Jill "
    "Jim Jimmy Joan Joe Joel John Johnny Jonathan Jose Joseph Joshua Juan Judith Judy Julia Julian Julie "
    "Karen Karl Kate Katherine Kathleen Keith Kelly Ken Kenneth Kevin Kim Larry Laura Lauren Laurence "
    "Lawrence Lee Leo Leon Leonard Leonardo Leslie Lewis Linda Lisa Liz Lloyd Louis Lucy Luis Lynn "
    "Margaret Maria Marie Mario Marilyn Mark Martha Martin Mary Matt Matthew Maurice Mel Michael Michelle "
    "Miguel Mike Mikhail Mitt Morgan Nancy Nathan Neil Nelson Newt Nicholas Nicole Nigel Norman Oliver "
    "Oscar Owen Patricia Patrick Paul Paula Pedro Peter Phil Philip Phillip Rachel Ralph Ray Raymond "
    "Rebecca Richard Rick Rob Robert Roberto Robin Roger Ron Ronald Ross Roy Rudolph Russell Ruth Ryan "
    "Sally Sam Samuel Sandra Sara Sarah Scott Sean Sharon Sidney Simon Spike Stanley Stephen Steve Steven "
    "Stuart Susan Sylvia Ted Terry Theodore Thomas Tim Timothy Todd Tom Tommy Tony Vanessa Victor Vincent "
    "Walter Warren Wayne Wendy William Woody"
).replace(" ", "|")
TITLES = (
    r"Mr|Mrs|Ms|Dr|Gov|Sen|Rep|Prof|Governor|President|Senator|Mayor|Judge|Justice|Representative|Congressman|"
    r"Congresswoman|Councilman|Professor|Colonel|General|Secretary|Chancellor|Commissioner|Minister|Premier|Pope|"
    r"Cardinal|Rabbi|[Dd]irectors?|[Aa]ctors?|[Aa]ctress|[Ff]ilmmaker|[Cc]omedian|[Dd]irected by|[Ss]tarring"
)
PLACES = (
    "Academy|Act|Administration|Agency|Airlines|Airport|America|American|Army|Assembly|Association|"
    "Authority|Avenue|Award|Awards|Bank|Band|Bill|Board|Boulevard|Bridge|Building|Bureau|Center|Centre|"
    "Church|City|College|Commission|Committee|Company|Conference|Congress|Corporation|Council|County|"
    "Court|Day|Department|District|Doctrine|Electric|Estate|Family|Festival|Fire|Force|Foundation|Fund|"
    "Gallery|General|Hall|Hills|Hospital|Hotel|House|Institute|Island|Journal|Lake|Law|League|Library|"
    "Live|Medal|Memorial|Motors|Museum|Night|Office|Orchestra|Park|Party|Place|Plan|Post|Prize|Program|"
    "Project|Report|Road|School|Service|Services|Show|Square|Stadium|Staff|State|States|Store|Street|"
    "Supreme|Theater|Theatre|Times|Tower|Trust|Union|University|World"
)

_NUMBER = r"\d+(?:,\d{3})*(?:\.\d+)?"
_FEW = "a|one|two|three|four|five|six|seven|eight|nine|ten|twelve|twenty|thirty|forty|fifty|several|few"
_SCALE = "hundred|thousand|million|billion|trillion"
_MONTH = "January|February|April|June|July|August|September|October|November|December"
_SHORT = r"(?:Jan|Feb|Mar|Apr|Aug|Sept|Oct|Nov|Dec)\."
_DAY = r"\d{1,2}(?:st|nd|rd|th)?"
_YEAR = r"(?:1[5-9]|20)\d\d"
_LENGTH = "days?|weeks?|months?|years?|decades?|centur(?:y|ies)"
_WEEKDAY = "Monday|Tuesday|Wednesday|Thursday|Friday|Saturday|Sunday"
_PART = (
    f"{_WEEKDAY}|{_MONTH}|May|March|week|weekend|month|year|decade|century|spring|summer|fall|winter|night"
)

MONEY = re.compile(
    rf"(?<!\w)\$ ?{_NUMBER}(?:[mbk]|[ -](?:{_SCALE}))?\b"
    rf"|\b(?:{_NUMBER}|(?i:{_FEW})(?= (?:{_SCALE}|dollars?|cents?|bucks?)))(?: (?:{_SCALE}))* "
    r"(?:dollars?|cents?|bucks|euros)\b"
)
DATES = tuple(
    re.compile(pattern)
    for pattern in (
        rf"\b(?:{_MONTH}|May(?= \d)|March(?= \d)|{_SHORT}(?= \d))(?: {_DAY}\b(?!,\d))?(?:,? {_YEAR})?\b",
        rf"\b{_DAY} (?:{_MONTH}|May|March)(?: {_YEAR})?\b",
        r"\b(?:[Ii]n|of|since|until) (?P<cut>May|March)\b",
        rf"\b(?:[Ii]n|[Ss]ince|until|from|by|of|the|[Ii]n (?:early|late)) (?P<cut>{_YEAR})\b(?!['%-]|[.,]\d)",
        r"\b(?P<cut>(?:1[5-9]|20)\d0'?s)\b",
        r"(?:\bthe |\blate |\bearly |\bmid[- ])(?P<cut>'?\d0'?s)\b",
        rf"\b(?:[Ll]ast|[Nn]ext|[Tt]his) (?:{_PART})\b(?! [A-Z])",
        rf"\b(?:{_NUMBER}|(?i:{_FEW})(?: (?:{_SCALE}))?|(?i:a) (?:few|couple of)) (?:{_LENGTH}) ago\b",
        rf"(?:^|[a-z,;] )(?P<cut>(?:{_WEEKDAY})s?)\b(?!['-]| [A-Z])",
        r"\b(?:yesterday|tomorrow)\b",
    )
)
"""Where a pattern has a group ``cut``, that is the date, and the rest its evidence."""
PRODUCT = re.compile(
    rf"\b(?:{MAKERS})(?: (?:{MAKERS}))?(?: (?:{LINES}))*(?: (?:{CODE}|{LINES}))\b", re.IGNORECASE
)
_MODEL = re.compile(rf"\b(?:{CODE}|(?:{LINES})(?: (?:{LINES}))*)$", re.IGNORECASE)
_NAME = r"(?:Mc|Mac|De|Di|Le|Van|[DO]['\u2019])?[A-Z][a-z]+(?:-[A-Z][a-z]+)?"
_NAMES = rf"(?:[A-Z]\. ?)*(?:(?:{_NAME}|van|von|de|del|la) ){{0,3}}{_NAME}"
BY_TITLE = re.compile(rf"\b(?:{TITLES})\.? (?P<name>{_NAMES})\b")
BY_FIRST = re.compile(rf"\b(?P<name>(?:[A-Z]\. )?(?:{FIRST}) (?!of\b|in\b){_NAMES})\b")
_PLACE = re.compile(rf"\b(?:{PLACES})\b")
_TITLE = re.compile(rf"\b(?:{TITLES})\b")
_STARTS = re.compile("And|As|Because|But|Did|Does|For|Has|If|In|Is|Like|So|Was|What|When|While|Why|With|Yet")
"""Words that have their capital letter from the place where they stand."""
_FOLLOWED = re.compile(rf"(?:['\u2019]s)?[ -](?:[A-Z]\w+ )?(?:{PLACES})\b")


def labelled(document: Sequence[str]) -> list[list[Span]]:
    """Label the texts of one document, each in order and without overlaps."""
    models, surnames = set(_models(document)), set(_surnames(document))
    return [_chosen(_every(text, models, surnames)) for text in document]


def _every(text: str, models: set[str], surnames: set[str]) -> Iterator[Span]:
    yield from ((*found.span(), "MONEY") for found in MONEY.finditer(text))
    for pattern in DATES:
        group = "cut" if "cut" in pattern.groupindex else 0
        yield from ((*found.span(group), "DATE") for found in pattern.finditer(text))
    yield from ((*found.span(), "PRODUCT") for found in PRODUCT.finditer(text))
    if models:
        pattern = re.compile(rf"\b(?:{_any(models)})\b", re.IGNORECASE)
        yield from ((*found.span(), "PRODUCT") for found in pattern.finditer(text))
    yield from ((start, end, "PERSON") for start, end in _persons(text))
    if surnames:
        for found in re.finditer(rf"\b(?:{_any(surnames)})\b", text):
            before = re.search(r"([A-Z]\w+) $", text[: found.start()])
            alone = before is None or _TITLE.fullmatch(before[1]) or _STARTS.fullmatch(before[1])
            if alone and not _FOLLOWED.match(text, found.end()):
                yield (*found.span(), "PERSON")


def _any(words: Iterable[str]) -> str:
    return "|".join(re.escape(one) for one in sorted(words, key=len, reverse=True))


def _persons(text: str) -> Iterator[tuple[int, int]]:
    """Find names that a title or a first name gives away."""
    for pattern in (BY_FIRST, BY_TITLE):
        for found in pattern.finditer(text):
            start, end = found.span("name")
            if not _PLACE.search(found["name"]) and not _FOLLOWED.match(text, end):
                titled = _TITLE.match(found["name"])
                start += titled.end() + 1 if titled and titled.end() < end - start else 0
                yield start, end


def _surnames(document: Sequence[str]) -> Iterator[str]:
    for text in document:
        for start, end in _persons(text):
            last = text[start:end].split()[-1]
            if len(last) > 2:
                yield last


def _models(document: Sequence[str]) -> Iterator[str]:
    for text in document:
        for found in PRODUCT.finditer(text):
            model = _MODEL.search(found[0])
            if model is not None:
                yield model[0].lower()


def _chosen(spans: Iterable[Span]) -> list[Span]:
    """Keep those that touch none of an earlier type, nor a longer one of their own."""
    order = sorted(set(spans), key=lambda one: (KINDS.index(one[2]), one[0] - one[1], one[0]))
    kept: list[Span] = []
    for start, end, kind in order:
        if all(end <= other or start >= further for other, further, _ in kept):
            kept.append((start, end, kind))
    return sorted(kept)
