"""The sentences about entries of the history; see texts. All keys begin with ``time_``."""

from __future__ import annotations

from collections.abc import Mapping

TEXT_BY_KEY: Mapping[str, tuple[str, str]] = {
    "time_arrived": ("1 event arrived by {by}", "1 Ereignis kam, durch {by}"),
    "time_arrived-many": (
        "{events} events arrived up to now, the last by {by}",
        "{events} Ereignisse kamen bis hierher, das letzte durch {by}",
    ),
    "time_fetched": ("asked the ERP: {fetched}", "im ERP gelesen: {fetched}"),
    "time_log-first": (
        "put into the shop and accepted: {sent}",
        "im Shop angelegt und angenommen: {sent}",
    ),
    "time_log-first-bare": (
        "put into the shop and accepted; what was sent is not kept any more (content {hash})",
        "im Shop angelegt und angenommen; das Gesendete wird nicht mehr aufbewahrt (Inhalt {hash})",
    ),
    "time_log-again": ("sent and accepted: {sent}", "gesendet und angenommen: {sent}"),
    "time_log-again-bare": (
        "sent and accepted; what was sent is not kept any more (content {hash})",
        "gesendet und angenommen; das Gesendete wird nicht mehr aufbewahrt (Inhalt {hash})",
    ),
    "time_log-unchanged": (
        "not sent: the shop holds the same content already ({hash})",
        "nicht gesendet: der Shop hat denselben Inhalt schon ({hash})",
    ),
    "time_log-skipped": ("not sent: {words}", "nicht gesendet: {words}"),
    "time_log-skipped-by": ("not sent, by {by}: {words}", "nicht gesendet, durch {by}: {words}"),
    "time_log-buried": ("failed: {words}", "gescheitert: {words}"),
    "time_log-buried-sent": ("sent and refused: {words}", "gesendet und abgelehnt: {words}"),
    "time_log-buried-doubt": (
        "sent, nobody knows with what outcome, and given up: {words}",
        "gesendet, mit unbekanntem Ausgang, und aufgegeben: {words}",
    ),
    "time_log-postponed": ("to be tried again: {words}", "wird wieder versucht: {words}"),
    "time_log-postponed-sent": (
        "sent and not taken, to be tried again: {words}",
        "gesendet und nicht angenommen, wird wieder versucht: {words}",
    ),
    "time_log-postponed-doubt": (
        "sent, nobody knows with what outcome, to be tried again: {words}",
        "gesendet, mit unbekanntem Ausgang, wird wieder versucht: {words}",
    ),
    "time_log-requeued": (
        "failed, and an event had come meanwhile: {words}",
        "gescheitert, und inzwischen kam ein Ereignis: {words}",
    ),
    "time_log-requeued-sent": (
        "sent and refused, and an event had come meanwhile: {words}",
        "gesendet und abgelehnt, und inzwischen kam ein Ereignis: {words}",
    ),
    "time_log-requeued-doubt": (
        "sent, nobody knows with what outcome, and an event had come meanwhile: {words}",
        "gesendet, mit unbekanntem Ausgang, und inzwischen kam ein Ereignis: {words}",
    ),
    "time_log-released-sent": (
        "sent and not taken, the channel was stopped: {words}",
        "gesendet und nicht angenommen, der Kanal wurde angehalten: {words}",
    ),
    "time_log-released-doubt": (
        "sent, nobody knows with what outcome, and the channel was stopped: {words}",
        "gesendet, mit unbekanntem Ausgang, und der Kanal wurde angehalten: {words}",
    ),
    "time_log-held": ("held: {words}", "angehalten: {words}"),
    "time_log-unheld": ("let go, was held for {words}", "freigegeben, war angehalten für {words}"),
    "time_log-unheld-by": (
        "let go by {by}, was held for {words}",
        "freigegeben von {by}, war angehalten für {words}",
    ),
    "time_log-replayed": ("queued again", "wieder eingereiht"),
    "time_log-replayed-by": ("queued again by {by}", "von {by} wieder eingereiht"),
    "time_log-taken_back": ("taken back, its worker died", "zurückgenommen, sein Worker starb"),
    "time_log-vanished": (
        "the shop has its product no more",
        "der Shop hat sein Produkt nicht mehr",
    ),
    "time_log-awaiting": ("not sent yet", "noch nicht gesendet"),
    "time_command": ("{by}: {words}", "{by}: {words}"),
}
