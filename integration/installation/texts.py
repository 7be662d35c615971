"""The sentences of install reports: English and German by key, with the names of their values."""

from __future__ import annotations

TEXT_BY_KEY: dict[str, tuple[str, str]] = {
    # the tenant
    "connected": (
        "tenant {tenant} is connected; its offline token is stored encrypted",
        "Mandant {tenant} ist verbunden; sein Offline-Token ist verschlüsselt gespeichert",
    ),
    "renewed": (
        "tenant {tenant} has a new offline token, stored encrypted; its channels are compared in "
        "full",
        "Mandant {tenant} hat einen neuen Offline-Token, verschlüsselt gespeichert; seine "
        "Vertriebskanäle werden ganz abgeglichen",
    ),
    "reconnected": (
        "tenant {tenant} is connected again; its channels are compared in full",
        "Mandant {tenant} ist wieder verbunden; seine Vertriebskanäle werden ganz abgeglichen",
    ),
    "kept": (
        "tenant {tenant} keeps its stored offline token",
        "Mandant {tenant} behält seinen gespeicherten Offline-Token",
    ),
    # what stops a step
    "unfinished": (
        "this step is not finished: {error}",
        "dieser Schritt ist nicht fertig: {error}",
    ),
    "do_once_more": (
        "let the ERP install the app once more; it goes on where it stopped",
        "die App in VARIO noch einmal installieren; es geht dort weiter, wo es stehen blieb",
    ),
    "do_again": (
        "mend the cause, then let the ERP install the app once more; it goes on where it stopped",
        "Ursache beheben, dann die App in VARIO noch einmal installieren; es geht dort weiter, "
        "wo es stehen blieb",
    ),
    "crashed": (
        "this step failed by a fault of ours; the log of the service has it ({error})",
        "dieser Schritt scheiterte an einem Fehler im Dienst; er steht im Protokoll ({error})",
    ),
    "record_failed": (
        "{detail}; but the ERP did not record it: {error}",
        "{detail}; VARIO hat es aber nicht vermerkt: {error}",
    ),
    # custom field for the external id
    "group_there": (
        "the custom field for the product id in the shop is there",
        "das Zusatzfeld für die Produkt-ID im Shop ist vorhanden",
    ),
    "group_created": (
        "the custom field for the product id in the shop was created (entity {entity})",
        "das Zusatzfeld für die Produkt-ID im Shop wurde angelegt (Entität {entity})",
    ),
    "group_missing": (
        "the custom field for the product id in the shop is missing",
        "das Zusatzfeld für die Produkt-ID im Shop fehlt",
    ),
    # backend
    "backend_there": (
        "the sales channel backend {id} is there and active",
        "das Vertriebskanal-Backend {id} ist vorhanden und aktiv",
    ),
    "backend_created": (
        "the sales channel backend {id} was created",
        "das Vertriebskanal-Backend {id} wurde angelegt",
    ),
    "backend_activated": (
        "the sales channel backend {id} was inactive and is active again",
        "das Vertriebskanal-Backend {id} war inaktiv und ist wieder aktiv",
    ),
    "backend_missing": (
        "the app has no sales channel backend",
        "die App hat kein Vertriebskanal-Backend",
    ),
    "backend_inactive": (
        "the sales channel backend {id} is inactive",
        "das Vertriebskanal-Backend {id} ist inaktiv",
    ),
    "do_reinstall": (
        "let the ERP install the app once more",
        "die App in VARIO noch einmal installieren",
    ),
    # sales channels
    "channels_there": ("sales channels of the app: {names}", "Vertriebskanäle der App: {names}"),
    "channel_created": (
        "sales channel {id} was created",
        "Vertriebskanal {id} wurde angelegt",
    ),
    "channel_unlicensed": (
        "the tenant has no license for another sales channel, so none was created",
        "dem Mandanten fehlt die Lizenz für einen weiteren Vertriebskanal; es wurde keiner "
        "angelegt",
    ),
    "do_license": (
        "order the license, then add a sales channel for this app in VARIO; nothing else is "
        "missing",
        "Lizenz bestellen, dann in VARIO einen Vertriebskanal für diese App anlegen; sonst fehlt "
        "nichts",
    ),
    "channels_none": (
        "the app has no sales channel",
        "die App hat keinen Vertriebskanal",
    ),
    "do_add_channel": (
        "add a sales channel for this app in VARIO",
        "in VARIO einen Vertriebskanal für diese App anlegen",
    ),
    "do_connect_channel": (
        "whoever runs the service connects the shop of each: "
        "`vario-relay channel add {id} --tenant {tenant} --platform ...`",
        "wer den Dienst betreibt, verbindet den Shop dazu: "
        "`vario-relay channel add {id} --tenant {tenant} --platform ...`",
    ),
    "do_channel_secrets": (
        "whoever runs the service sets the shop's credentials again: "
        "`vario-relay channel show {id}` says what is missing",
        "wer den Dienst betreibt, trägt die Zugangsdaten des Shops wieder ein: "
        "`vario-relay channel show {id}` zeigt, was fehlt",
    ),
    # custom fields of others
    "merge_deep": (
        "a write to our custom field leaves those of others as they are",
        "unser Zusatzfeld zu schreiben lässt die Zusatzfelder anderer, wie sie sind",
    ),
    "merge_shallow": (
        "a write to our custom field would empty those of others; they are read and sent along, "
        "which takes two requests per article",
        "unser Zusatzfeld zu schreiben würde die Zusatzfelder anderer leeren; sie werden gelesen "
        "und mitgeschickt, das braucht zwei Anfragen je Artikel",
    ),
    "merge_unknown": (
        "no article has custom fields of others yet; they are read and sent along",
        "noch hat kein Artikel Zusatzfelder anderer; sie werden gelesen und mitgeschickt",
    ),
    # webhooks
    "webhooks_all": (
        "all {count} webhooks are registered",
        "alle {count} Webhooks sind angemeldet",
    ),
    "webhooks_changed": (
        "webhooks: {added} registered, {removed} taken away, {count} in all",
        "Webhooks: {added} angemeldet, {removed} abgemeldet, {count} insgesamt",
    ),
    "webhooks_no_url": (
        "webhooks are not registered, because RELAY_PUBLIC_URL is not set",
        "es sind keine Webhooks angemeldet, weil RELAY_PUBLIC_URL nicht gesetzt ist",
    ),
    "do_public_url": (
        "whoever runs the service sets RELAY_PUBLIC_URL, then let the ERP install the app once "
        "more",
        "wer den Dienst betreibt, setzt RELAY_PUBLIC_URL; danach die App in VARIO noch einmal "
        "installieren",
    ),
    "webhooks_missing": (
        "{missing} of {count} are not registered in the ERP",
        "{missing} von {count} sind in VARIO nicht angemeldet",
    ),
    "do_register": (
        "`vario-relay channel resume` of one of the tenant's channels registers them, and so does "
        "the ERP when it installs the app once more",
        "`vario-relay channel resume` für einen Vertriebskanal des Mandanten meldet sie an, ebenso "
        "eine erneute Installation in VARIO",
    ),
    # events
    "events_all": (
        "the ERP offers all {count} events that are wanted",
        "VARIO bietet alle {count} gewünschten Ereignisse an",
    ),
    "events_missing": (
        "the ERP does not offer: {names}",
        "VARIO bietet nicht an: {names}",
    ),
    "do_events": (
        "such changes are found by the nightly pass only; ask VARIO whether the events can be "
        "switched on",
        "solche Änderungen findet nur der nächtliche Abgleich; bei VARIO nachfragen, ob sich die "
        "Ereignisse freischalten lassen",
    ),
    # columns
    "columns_all": (
        "{topic}: all by query",
        "{topic}: alles per Abfrage",
    ),
    "columns_reads": (
        "{topic}: article by article ({reads}); slow, but complete",
        "{topic}: Artikel für Artikel ({reads}); langsam, aber vollständig",
    ),
    # uninstall
    "unknown_tenant": (
        "tenant {tenant} was not installed; there is nothing to do",
        "Mandant {tenant} war nicht installiert; es ist nichts zu tun",
    ),
    "withdrawn": (
        "{count} webhooks were taken out of the ERP",
        "{count} Webhooks wurden in VARIO abgemeldet",
    ),
    "not_withdrawn": (
        "webhooks may be left in the ERP: {error}",
        "in VARIO sind vielleicht noch Webhooks angemeldet: {error}",
    ),
    "do_nothing_withdrawn": (
        "nothing has to be done: what they call does nothing any more",
        "es ist nichts zu tun: was sie aufrufen, bewirkt nichts mehr",
    ),
    "stopped": (
        "nothing is sent any more; tokens and secrets are deleted",
        "es wird nichts mehr übertragen; Token und Zugangsdaten sind gelöscht",
    ),
    "remembered": (
        "which product is which article is remembered for {days} days, in case the app is "
        "installed again; the shop stays as it is",
        "welches Produkt welcher Artikel ist, bleibt {days} Tage gemerkt, falls die App wieder "
        "installiert wird; der Shop bleibt, wie er ist",
    ),
}
