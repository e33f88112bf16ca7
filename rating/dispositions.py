"""How a call ended, in the words of the systems that write it: which say that nobody answered, which that somebody did.

Compared without case, blanks, -, _ and the like (RULES 15). A box that takes a message has answered. From the manuals
and public call logs of Asterisk, FreeSWITCH, 3CX, Avaya, CUCM, BroadWorks, Teams, Zoom, RingCentral, Twilio, Telnyx,
8x8, Grandstream, Yeastar, Kamailio, the reason phrases of SIP and Q.850, and the plain words for them in German,
French, Spanish, Portuguese, Italian and Dutch.
"""

import polars as pl

_UNANSWERED = """
no answer|no answered|not answered|unanswered|call not answered|did not answer|ring no answer|no reply|no pickup
no pick up|ring group no answer|no|false|busy|line busy|failed|failure|fail|call failed|congestion|missed|missed call
call missed|cancel|canceled|cancelled|call cancel|call canceled|call cancelled|caller cancel|caller canceled
caller cancelled|canceled by caller|cancelled by caller|rejected|reject|call reject|declined|decline|call declined
not connected|not established|unavailable|not available|blocked|call blocked|rna|not picked up|besetzt
teilnehmer besetzt|keine antwort|nicht angenommen|nicht beantwortet|nicht erreichbar|nicht verfügbar|verpasst
verpasster anruf|entgangen|entgangener anruf|abgelehnt|abgewiesen|fehlgeschlagen|occupé|occupe|pas de réponse
pas de reponse|sans réponse|sans reponse|non répondu|non repondu|non décroché|non decroche|manqué|appel manqué
appel manque|rejeté|rejete|refusé|annulé|annule|échoué|echoue|échec|echec|indisponible|ocupado|sin respuesta
no contesta|no contestada|no contestado|no respondida|no respondido|no atendida|no atendido|llamada perdida|rechazada
rechazado|cancelada|cancelado|fallida|fallido|não atendida|nao atendida|não atendido|nao atendido|sem resposta
chamada perdida|rejeitada|rejeitado|falhou|occupato|nessuna risposta|senza risposta|non risposto|non risposta
chiamata persa|rifiutata|rifiutato|annullata|annullato|fallita|bezet|geen antwoord|niet beantwoord|niet opgenomen
gemist|gemiste oproep|geweigerd|geannuleerd|mislukt
"""
_CAUSES = """
user busy|busy here|busy everywhere|subscriber busy|callee busy|busied|busy signal|no user response|no response
call rejected|refused|denied|forbidden|barred|call barred|spam|dnd|do not disturb|dont call|torture|invalid args
originator cancel|lose race|picked off|answered elsewhere|call completed elsewhere|completed elsewhere
answered by other member|answered by other|abandoned|abandon|call abandoned|abandoned call|abandoned in queue
queue abandoned|lost|lost call|ringing|ring|ring timeout|ring time out|no connection|network error|internal error
system error|error|chan unavail|temporarily unavailable|unreachable|not reachable|destination unreachable
unknown destination|unallocated number|unallocated|unassigned number|unobtainable|no route|no route destination
no route transit net|number changed|invalid number|invalid number format|wrong number format|address incomplete
incomplete|not found|gone|user not registered|subscriber absent|destination out of order|call intercepted
facility rejected|facility not subscribed|normal circuit congestion|network out of order|normal temporary failure
switch congestion|requested chan unavail|bearercapability notauth|bearercapability notavail|bearercapability notimpl
incompatible destination|exchange routing error|outgoing call barred|incoming call barred|progress timeout
no user responding|user not responding|no answer from user|no answer from user user alerted|user alerting no answer
user alerted no answer|no answer timeout|no answer time out|busy tone|number busy|user is busy|called party busy
user unavailable|user not available|callee unavailable|subscriber unavailable|called party not available
all circuits busy|no circuit available|no circuit channel available|requested circuit channel not available
temporary failure|switching equipment congestion|access information discarded|resource unavailable
resource unavailable unspecified|unallocated unassigned number|no route to destination
no route to specified transit network|not successful|unsuccessful|not completed|call not completed|call not connected
does not exist anywhere|loop detected|too many hops|proxy authentication required|unauthorized|bad request
not implemented|unsupported media type|request timeout|request terminated|service unavailable|not acceptable
not acceptable here|server internal error|server timeout|bad gateway|gateway down|hang up before answer
hung up before answer|no credit|insufficient funds|insufficient balance|payment required|offline|ip phone offline
phone offline|account suspended|internal call disabled|dial timeout|number not in service|not in service|out of service
injoignable|abandonné|abandonne|abandonada|abandonado|international disabled|no calls allowed|not allowed|not permitted
unknown number|redirection to new destination|17|18|19|20|21
"""
_ANSWERED = """
answered|answer|answered call|call answered|normal clearing|normal call clearing|normal|normal unspecified|success
successful|succeeded|completed|complete|call connected|connected|connect|accepted|accept|call accepted|received
call received|established|ok|200|200 ok|bye|ended|call ended|finished|call finished|terminated by src|terminated by dst
src participant terminated|dst participant terminated|voicemail|voice mail|left voicemail|answered by voicemail
attendant|blind transfer|attended transfer|transferred|transfer|conference|fax received|answered by ivr|replied by ivr
auto recording|auto recorded|recovery on timer expire|media timeout|allotted timeout|beantwortet|angenommen|erfolgreich
verbunden|répondu|repondu|décroché|decroche|abouti|contestada|contestado|atendida|atendido|respondida|respondido
risposto|risposta|beantwoord|opgenomen|manager request|16|yes|yes postredirection|true|picked up|pickup|replaced by dst
replaced by src|time limit
"""


def _plain(text: str) -> str:
    return "".join(sign for sign in text.lower() if sign.isalnum())


def _words(listed: str) -> frozenset[str]:
    return frozenset(_plain(word) for line in listed.splitlines() for word in line.split("|")) - {""}


NOT_ANSWERED = _words(_UNANSWERED)
"""Dispositions that say nobody answered, as `word` has them, whatever else the record holds."""

CAUSES = _words(_CAUSES)
"""Why a call that nobody answered ended; an answered one may end so too, so an answer stamp outweighs them."""

ANSWERED = _words(_ANSWERED)
"""Endings of calls that somebody answered. Any other ending of a call with answered seconds is billed, and listed."""

_SIGNS = r"[^\p{L}\p{N}]"
_FINAL = r"^(?:sip(?:20)?|code|statuscode|responsecode)?[456][0-9]{2}(?:[a-z]+)?$"
"""A final answer of SIP that is no success: 486, SIP 487, 480 Temporarily Unavailable, SIP/2.0 486 Busy Here."""
_SAYS_Q850 = r"^(?:q850|cause)"
_Q850 = r"^(?:q850)?(?:cause(?:code|value)?)?0?(?:1|2|3|17|18|19|20|21|22|25|27|28|29|34|38|41|42|44|47)$"
"""A cause of Q.850 by which a call failed, said to be one: Q.850;cause=17."""
_NORMAL = r"^(?:q850)?(?:cause(?:code|value)?)?(?:16|31)$"
"""Its two of calls that came to their end."""


def word(disposition: pl.Expr) -> pl.Expr:
    """A disposition to compare: small letters and digits, nothing between."""
    return disposition.str.to_lowercase().str.replace_all(_SIGNS, "")


def says_unanswered(disposition: pl.Expr) -> pl.Expr:
    """Whether the word says that nobody answered; false where there is none."""
    return word(disposition).is_in(list(NOT_ANSWERED)).fill_null(False)


def is_cause(disposition: pl.Expr) -> pl.Expr:
    """Whether the word is why a call failed; false where there is none."""
    plain = word(disposition)
    return (plain.is_in(list(CAUSES)) | _is_number_of_failure(plain)).fill_null(False)


def is_unknown(disposition: pl.Expr) -> pl.Expr:
    """Whether there is a word and nobody knows it."""
    plain = word(disposition)
    is_normal = plain.str.contains(_SAYS_Q850) & plain.str.contains(_NORMAL)
    known = plain.is_in(list(NOT_ANSWERED | CAUSES | ANSWERED)) | _is_number_of_failure(plain) | is_normal
    return (~known & (plain != "")).fill_null(False)


def _is_number_of_failure(plain: pl.Expr) -> pl.Expr:
    """Whether it is a number by which SIP or Q.850 says why a call failed."""
    return plain.str.contains(_FINAL) | (plain.str.contains(_SAYS_Q850) & plain.str.contains(_Q850))
