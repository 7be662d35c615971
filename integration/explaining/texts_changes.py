"""The sentences about one topic of an article, and those of the timeline; see texts."""

from __future__ import annotations

from collections.abc import Mapping

TEXT_BY_KEY: Mapping[str, tuple[str, str]] = {
    # toggles
    "toggle_on": ("{topic}: {toggle} is on", "{topic}: {toggle} ist an"),
    "toggle_off": (
        "{topic}: the transfer is switched off ({toggle}), changes are kept; "
        "`vario-relay toggle on {channel} {short}` sends them",
        "{topic}: die Übertragung ist abgeschaltet ({toggle}), Änderungen bleiben erhalten; "
        "`vario-relay toggle on {channel} {short}` sendet sie",
    ),
    "toggle_off_nothing_waits": (
        "{topic}: {toggle} is off, and nothing waits for it",
        "{topic}: {toggle} ist aus, und nichts wartet darauf",
    ),
    "not_carried": (
        "{topic}: this version does not carry them to this platform; changes are kept",
        "{topic}: diese Version überträgt sie nicht zu dieser Plattform; Änderungen bleiben "
        "erhalten",
    ),
    # holds
    "hold_by-hand": (
        "{topic}: kept back by {by} since {at} ({reason}); "
        "`vario-relay queue hold release {channel} {article}` lets it go",
        "{topic}: von {by} seit {at} zurückgehalten ({reason}); "
        "`vario-relay queue hold release {channel} {article}` gibt frei",
    ),
    "change_by_hand": ("{topic}: a change waits for that", "{topic}: eine Änderung wartet darauf"),
    "mapping_missing": (
        "{topic}: the {kind_name} {value} of the ERP is not mapped ({words}); "
        "`vario-relay mapping set {channel} {kind} {value} SHOP-VALUE` lets it go",
        "{topic}: {kind_name} {value} aus VARIO ist nicht zugeordnet ({words}); "
        "`vario-relay mapping set {channel} {kind} {value} SHOP-WERT` gibt frei",
    ),
    "mapping_undecided": (
        "{topic}: the {kind_name} {value} of the ERP is not mapped ({words}); "
        "`vario-relay mapping set {channel} {kind} {value} SHOP-VALUE` lets it go, "
        "with - as SHOP-VALUE if the shop shall not have it",
        "{topic}: {kind_name} {value} aus VARIO ist nicht zugeordnet ({words}); "
        "`vario-relay mapping set {channel} {kind} {value} SHOP-WERT` gibt frei, "
        "mit - als SHOP-WERT, wenn der Shop nichts davon haben soll",
    ),
    "hold_no-price": (
        "it has no price above 0 on this channel; set one in the ERP",
        "er hat auf diesem Kanal keinen Preis über 0; in VARIO einen Preis setzen",
    ),
    "hold_no-tax-rate": (
        "it has no tax rate; give it a tax schema in the ERP",
        "er hat keinen Steuersatz; in VARIO ein Steuerschema zuweisen",
    ),
    "hold_currency": (
        "it is priced in another currency than the channel's ({words}); set a price in the "
        "channel's currency in the ERP",
        "sein Preis ist in einer anderen Währung als der des Kanals ({words}); in VARIO einen "
        "Preis in der Währung des Kanals setzen",
    ),
    "hold_erp-column": (
        "{topic}: the ERP does not offer what we read any more ({words}); ask the ERP's vendor, it "
        "goes by itself when the column is back",
        "{topic}: VARIO bietet nicht mehr an, was wir lesen ({words}); beim Hersteller nachfragen, "
        "es geht von selbst weiter, wenn die Spalte wieder da ist",
    ),
    "hold_confirm": (
        "{topic}: a change out of the ordinary waits for a decision ({words}); `vario-relay queue "
        "hold release {channel} {article}` sends it, `discard` drops it",
        "{topic}: eine ungewöhnliche Änderung wartet auf eine Entscheidung ({words}); `vario-relay "
        "queue hold release {channel} {article}` sendet sie, `discard` verwirft sie",
    ),
    "hold_variants-below": (
        "{topic}: it becomes a variant, but its product in the shop still has variants ({words}); "
        "decide about those, it goes behind them",
        "{topic}: er wird eine Variante, aber sein Produkt im Shop hat selbst noch Varianten "
        "({words}); über die entscheiden, er geht nach ihnen",
    ),
    "hold_main-unknown": (
        "{topic}: the ERP has not told yet which article is its main article ({words}); list that "
        "on the channel, it goes when it is fetched",
        "{topic}: VARIO hat noch nicht gesagt, welcher Artikel sein Hauptartikel ist ({words}); "
        "den auf dem Kanal listen, es geht weiter, sobald er gelesen wird",
    ),
    "hold_same-options": (
        "{topic}: another variant of its main article has the same options ({words}); give one of "
        "them other values in the ERP",
        "{topic}: eine andere Variante seines Hauptartikels hat dieselben Ausprägungen ({words}); "
        "in VARIO einer von beiden andere geben",
    ),
    "hold_no-options": (
        "{topic}: it is a variant without options ({words}); give it its values in the ERP",
        "{topic}: er ist eine Variante ohne Ausprägung ({words}); ihm in VARIO seine Werte geben",
    ),
    "hold_brake": (
        "{topic}: a brake stopped the change ({words}), because very many came at once; "
        "`vario-relay queue hold release {channel} {article}` sends it, `discard` drops it",
        "{topic}: eine Bremse hat die Änderung gestoppt ({words}), weil sehr viele auf einmal "
        "kamen; `vario-relay queue hold release {channel} {article}` sendet sie, `discard` "
        "verwirft sie",
    ),
    "hold_brake_article": (
        "{topic}: a brake keeps the product active, because very many were to be taken out of the "
        "shop at once; `vario-relay queue hold release {channel} {article}` takes it out, "
        "`discard` leaves it",
        "{topic}: eine Bremse hält das Produkt aktiv, weil sehr viele auf einmal aus dem Shop "
        "genommen werden sollten; `vario-relay queue hold release {channel} {article}` nimmt es "
        "heraus, `discard` lässt es",
    ),
    "hold_brake-wait": (
        "{topic}: a change out of the ordinary waits a few minutes for others of its kind and goes "
        "by itself unless they are too many",
        "{topic}: eine ungewöhnliche Änderung wartet einige Minuten, ob es viele werden, und geht "
        "sonst von selbst",
    ),
    "hold_sync-paused": (
        "{topic}: its sync is paused; `vario-relay sync {channel} --resume` goes on with it",
        "{topic}: die Synchronisation ist angehalten; `vario-relay sync {channel} --resume` setzt "
        "sie fort",
    ),
    "hold_shop-right": (
        "{topic}: the shop does not let the integration do it ({words}); give it the right there",
        "{topic}: der Shop erlaubt es der Integration nicht ({words}); dort das Recht geben",
    ),
    "hold_erp-right": (
        "{topic}: the ERP does not let the app do it ({words}); give it the right there",
        "{topic}: VARIO erlaubt es der App nicht ({words}); dort das Recht geben",
    ),
    "hold_article-not-in-shop": (
        "{topic}: waits until the article is in the shop, and goes with it",
        "{topic}: wartet, bis der Artikel im Shop ist, und geht mit ihm",
    ),
    "hold_main-not-in-shop": (
        "{topic}: waits for its main article (id {other}) and goes with it; "
        "`vario-relay explain {channel} {other}` says where that is",
        "{topic}: wartet auf seinen Hauptartikel (Id {other}) und geht mit ihm; "
        "`vario-relay explain {channel} {other}` sagt, wo der ist",
    ),
    "hold_other": (
        "{topic}: held ({reason}): {words}; `vario-relay queue hold release {channel} {article}` "
        "tries again",
        "{topic}: angehalten ({reason}): {words}; `vario-relay queue hold release {channel} "
        "{article}` versucht es noch einmal",
    ),
    "discarded": (
        "{topic}: the last change was dropped by hand ({words}); `vario-relay sync {channel}` "
        "sends the newest state",
        "{topic}: die letzte Änderung wurde von Hand verworfen ({words}); `vario-relay sync "
        "{channel}` sendet den neuesten Stand",
    ),
    # failures
    "rejected": (
        "{topic}: refused: {words}; correct the article in the ERP, each change is tried again",
        "{topic}: abgelehnt: {words}; den Artikel in VARIO berichtigen, jede Änderung wird wieder "
        "versucht",
    ),
    "failed_attempts": (
        "{topic}: failed {attempts} times, the last time: {words}; mend that, then "
        "`vario-relay queue retry {channel} --topic {topic_name}`",
        "{topic}: {attempts}-mal gescheitert, zuletzt: {words}; die Ursache beheben, dann "
        "`vario-relay queue retry {channel} --topic {topic_name}`",
    ),
    "failed_bug": (
        "{topic}: failed by a fault of this service: {words}; tell its makers",
        "{topic}: an einem Fehler dieses Dienstes gescheitert: {words}; dem Hersteller melden",
    ),
    # waiting
    "being_sent": ("{topic}: is being sent now", "{topic}: wird gerade gesendet"),
    "next_attempt": (
        "{topic}: attempt {attempts} failed ({words}); the next one is at {due}",
        "{topic}: Versuch {attempts} scheiterte ({words}); der nächste ist um {due}",
    ),
    "waits_until": (
        "{topic}: waits until {due} and goes by itself",
        "{topic}: wartet bis {due} und geht dann von selbst",
    ),
    "waits_its_turn": (
        "{topic}: waits its turn since {due} behind {ahead} others, {eta}",
        "{topic}: ist seit {due} an der Reihe, vor ihm sind {ahead} andere, {eta}",
    ),
    "stuck": (
        "{topic}: due since {due}, behind {ahead} others, and nothing of this topic was settled "
        "lately; `vario-relay doctor` and `vario-relay queue status` say whether anybody works",
        "{topic}: fällig seit {due}, vor ihm sind {ahead} andere, und zuletzt wurde davon nichts "
        "erledigt; `vario-relay doctor` und `vario-relay queue status` sagen, ob jemand arbeitet",
    ),
    "never_heard": (
        "no event and no sync named it yet; `vario-relay sync {channel}` looks at everything that "
        "is listed",
        "kein Ereignis und kein Abgleich hat ihn bisher genannt; `vario-relay sync {channel}` "
        "sieht nach allem, was gelistet ist",
    ),
    "offered_again": (
        "the ERP offers it, but no event said so; `vario-relay sync {channel}` sends it",
        "VARIO bietet ihn an, aber kein Ereignis hat es gemeldet; `vario-relay sync {channel}` "
        "sendet ihn",
    ),
    "newer_in_erp": (
        "{topic}: the ERP has something newer than was sent, and no event said so yet; "
        "`vario-relay sync {channel}` sends it",
        "{topic}: VARIO hat etwas Neueres als gesendet wurde, und kein Ereignis hat es bisher "
        "gemeldet; `vario-relay sync {channel}` sendet es",
    ),
    # done
    "sent": ("{topic}: sent at {at} and accepted", "{topic}: am {at} gesendet und angenommen"),
    "skipped": (
        "{topic}: nothing had to be sent: {words}",
        "{topic}: es war nichts zu senden: {words}",
    ),
    "nothing_to_send": ("{topic}: nothing waits", "{topic}: nichts wartet"),
    # the timeline
    "time_last-event": (
        "the latest change, number {generation}",
        "die jüngste Änderung, Nummer {generation}",
    ),
    "time_first-unsent": (
        "the oldest change that is not in the shop yet",
        "die älteste Änderung, die noch nicht im Shop ist",
    ),
    "time_pushed": ("sent and accepted", "gesendet und angenommen"),
    "time_failed": (
        "failed at attempt {attempts}: {words}",
        "bei Versuch {attempts} gescheitert: {words}",
    ),
    "time_due": ("the next attempt", "der nächste Versuch"),
    "time_held-by-hand": ("held by {by}: {reason}", "zurückgehalten von {by}: {reason}"),
}
