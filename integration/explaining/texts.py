"""The sentences of an explanation: English and German by key, with the names of their values.

Each stands behind the article's name and a colon. What ERP, shop and our own errors say is quoted
in their words, which are English in both languages.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from enum import IntEnum
from typing import Any

from integration.explaining.facts import MAX_AHEAD
from integration.explaining.texts_changes import TEXT_BY_KEY as OF_CHANGES
from integration.explaining.texts_history import TEXT_BY_KEY as OF_HISTORY
from integration.mapping_kinds import Kind
from integration.topology import Topic


class Language(IntEnum):
    """A column of the tables of texts."""

    EN = 0
    DE = 1


TOPIC_NAMES: Mapping[Topic, tuple[str, str]] = {
    Topic.ARTICLE: ("master data", "Stammdaten"),
    Topic.PRICE: ("price", "Preis"),
    Topic.STOCK: ("stock", "Bestand"),
    Topic.MEDIA: ("images", "Bilder"),
}

KIND_NAMES: Mapping[Kind, tuple[str, str]] = {
    Kind.TAX: ("tax", "die Steuer"),
    Kind.CATEGORY: ("category", "die Kategorie"),
    Kind.CUSTOMER_GROUP: ("customer group", "die Kundengruppe"),
    Kind.PRICE_GROUP: ("price group", "die Preisgruppe"),
    Kind.CARRIER: ("carrier", "der Versanddienstleister"),
    Kind.LANGUAGE: ("language", "die Sprache"),
    Kind.UNIT: ("unit", "die Einheit"),
    Kind.STORAGE_LOCATION: ("storage location", "der Lagerort"),
    Kind.MANUFACTURER: ("manufacturer", "der Hersteller"),
}

TEXT_BY_KEY: Mapping[str, tuple[str, str]] = {
    **OF_CHANGES,
    **OF_HISTORY,
    # whose it is
    "subject": ("article {number} (id {article})", "Artikel {number} (Id {article})"),
    "subject_by_id": ("article id {article}", "Artikel-Id {article}"),
    "subject_as_asked": ("article {article}", "Artikel {article}"),
    # the verdict when nothing is broken
    "all_right": ("nothing is wrong with it, as far as we know", "nach unserem Stand stimmt alles"),
    "all_but_unseen": (
        "nothing is wrong with it, as far as could be looked at; not looked at: {unseen}",
        "nach allem, was sich prüfen ließ, stimmt alles; nicht geprüft: {unseen}",
    ),
    # the article and the ERP
    "article_known": ("it is known", "er ist bekannt"),
    "article_there": ("the ERP has it", "VARIO kennt ihn"),
    "article_unknown": (
        "the ERP has no article with this number, EAN or id; correct the number, or create it",
        "VARIO hat keinen Artikel mit dieser Nummer, EAN oder Id; die Nummer prüfen oder den "
        "Artikel anlegen",
    ),
    "article_unsure": (
        "it is not known here, and the ERP could not be asked: {trouble}",
        "er ist hier nicht bekannt, und VARIO war nicht zu erreichen: {trouble}",
    ),
    "erp_away": (
        "the ERP could not be asked: {trouble}",
        "VARIO war nicht zu erreichen: {trouble}",
    ),
    "active": ("it is active in the ERP", "er ist in VARIO aktiv"),
    "inactive": (
        "it is inactive in the ERP; activate it there, the rest goes by itself",
        "er ist in VARIO inaktiv; dort aktivieren, der Rest geschieht von selbst",
    ),
    "inactive_never_sent": (
        "it was inactive in the ERP when we looked last and was never in the shop; activate it in "
        "the ERP, the rest goes by itself",
        "er war bei der letzten Abfrage in VARIO inaktiv und nie im Shop; in VARIO aktivieren, der "
        "Rest geschieht von selbst",
    ),
    "inactive_or_unlisted": (
        "it is switched off in the shop, because it is inactive in the ERP or not listed on the "
        "channel any more; --live tells which",
        "er ist im Shop abgeschaltet, weil er in VARIO inaktiv oder auf dem Kanal nicht mehr "
        "gelistet ist; --live sagt, welches von beiden",
    ),
    "listed": ("it is listed on the channel", "er ist auf dem Kanal gelistet"),
    "not_listed": (
        "it is not listed on this sales channel in the ERP; list it there, the rest goes by itself",
        "er ist in VARIO auf diesem Vertriebskanal nicht gelistet; dort listen, der Rest geschieht "
        "von selbst",
    ),
    "shipping_costs": (
        "it is the ERP's way to charge for shipping, which is never offered in a shop",
        "er steht in VARIO für Versandkosten, die in keinem Shop angeboten werden",
    ),
    "has_price": ("it costs {gross} {currency} gross", "er kostet {gross} {currency} brutto"),
    # tenant, channel, shop
    "tenant_there": ("the connection to the ERP stands", "die Verbindung zu VARIO steht"),
    "uninstalled": (
        "the app was uninstalled in the ERP at {at}; install it again",
        "die App wurde in VARIO am {at} deinstalliert; wieder installieren",
    ),
    "tenant_held": (
        "nothing of this tenant moves: {reason}",
        "für diesen Mandanten bewegt sich nichts: {reason}",
    ),
    "tenant_offline": (
        "the ERP is offline since {at}; changes are kept and go when it is back",
        "VARIO ist seit {at} offline; Änderungen werden aufbewahrt und gehen danach von selbst",
    ),
    "channel_moves": ("the sales channel moves", "der Vertriebskanal läuft"),
    "channel_deleted": (
        "the ERP deleted this sales channel at {at}; nothing is sent any more",
        "VARIO hat diesen Vertriebskanal am {at} gelöscht; es wird nichts mehr gesendet",
    ),
    "channel_said_deleted": (
        "the ERP said at {at} that it deleted this sales channel; it is asked whether it did",
        "VARIO meldete am {at}, diesen Vertriebskanal gelöscht zu haben; das wird gerade geprüft",
    ),
    "channel_switched_off": (
        "the sales channel is switched off in the ERP; switch it on there, changes are kept",
        "der Vertriebskanal ist in VARIO abgeschaltet; dort einschalten, Änderungen bleiben "
        "erhalten",
    ),
    "channel_held": (
        "the sales channel is held: {reason}",
        "der Vertriebskanal ist angehalten: {reason}",
    ),
    "channel_paused": (
        "the sales channel is paused by hand; `vario-relay channel resume {channel}` lets it go on",
        "der Vertriebskanal ist von Hand angehalten; `vario-relay channel resume {channel}` lässt "
        "ihn weiterlaufen",
    ),
    "channel_paused_until": (
        "the sales channel is paused until {at} and goes on by itself",
        "der Vertriebskanal pausiert bis {at} und läuft dann von selbst weiter",
    ),
    "shop_answers": ("the shop answers", "der Shop antwortet"),
    "shop_rests": (
        "the shop does not work at the moment ({words}); see that it is up, the rest goes by "
        "itself",
        "der Shop arbeitet gerade nicht ({words}); dafür sorgen, dass er läuft, der Rest geschieht "
        "von selbst",
    ),
    "shop_trouble": ("it answers badly: {words}", "er antwortet schlecht: {words}"),
    # the product, as far as we know
    "created": (
        "we made product {product} with the number {number}",
        "wir haben das Produkt {product} mit der Nummer {number} angelegt",
    ),
    "adopted": (
        "the shop had product {product} with the number {number}, which we took over",
        "der Shop hatte das Produkt {product} mit der Nummer {number}, das wir übernommen haben",
    ),
    "no_product": (
        "it was not put into the shop yet; `--live` asks ERP and shop",
        "er ist noch nicht im Shop; `--live` fragt VARIO und den Shop",
    ),
    "no_product_wanted": (
        "it is not in the shop, and does not belong there",
        "er ist nicht im Shop und gehört dort nicht hin",
    ),
    # what the shop shows
    "shop_away": (
        "the shop could not be asked: {trouble}",
        "der Shop war nicht zu erreichen: {trouble}",
    ),
    "not_in_shop": (
        "the shop has no product with its number",
        "der Shop hat kein Produkt mit seiner Nummer",
    ),
    "would_be_adopted": (
        "the shop has product {product} with its number, which will be taken over",
        "der Shop hat das Produkt {product} mit seiner Nummer, das übernommen wird",
    ),
    "deleted_in_shop": (
        "product {product} was deleted in the shop; `vario-relay sync {channel} --force` makes it "
        "anew",
        "das Produkt {product} wurde im Shop gelöscht; `vario-relay sync {channel} --force` legt "
        "es neu an",
    ),
    "there_in_shop": ("the shop has product {product}", "der Shop hat das Produkt {product}"),
    "rightly_inactive": (
        "the product is inactive, as it shall be",
        "das Produkt soll inaktiv sein",
    ),
    "inactive_in_shop": (
        "somebody switched the product off in the shop; switch it on there",
        "jemand hat das Produkt im Shop abgeschaltet; dort wieder einschalten",
    ),
    "invisible_in_shop": (
        "the product is active in the shop, but not visible in its sales channel; give it its "
        "visibility back there",
        "das Produkt ist im Shop aktiv, aber im Verkaufskanal nicht sichtbar; dort die "
        "Sichtbarkeit wieder einschalten",
    ),
    "shown_in_shop": ("the shop shows it", "der Shop zeigt es"),
    "available_in_shop": ("customers can buy it", "Kunden können es kaufen"),
    "rightly_sold_out": ("it is sold out", "es ist ausverkauft"),
    "sold_out_in_shop": (
        "the shop has {stock} of it in stock and counts it as sold out all the same; look there at "
        "its minimum order and purchase steps, and whether the shop's own queue is worked on",
        "der Shop hat {stock} davon im Bestand und führt es trotzdem als ausverkauft; dort nach "
        "Mindestabnahme und Staffelung sehen, und ob die Warteschlange des Shops abgearbeitet wird",
    ),
    "shop_tells_no_visibility": (
        "this shop does not tell whether it shows it",
        "dieser Shop sagt nicht, ob er es zeigt",
    ),
    "shop_tells_nothing": (
        "the connector of this platform does not show single products",
        "der Connector dieser Plattform zeigt keine einzelnen Produkte",
    ),
    "nothing_to_compare": (
        "there are no values of the ERP to compare with",
        "es gibt keine Werte aus VARIO zum Vergleichen",
    ),
    "values_equal": (
        "name, price and stock are those that were sent",
        "Name, Preis und Bestand sind die gesendeten",
    ),
    "other_values_equal": (
        "what is not left to the shop of name, price and stock is what was sent",
        "was von Name, Preis und Bestand nicht dem Shop überlassen ist, ist das Gesendete",
    ),
    "edit_stays": (
        "somebody changed it in the shop ({differences}), and it is left alone there; "
        "`vario-relay shop-edit overwrite {channel} {article}` sends the ERP's value again, "
        "`vario-relay shop-edit keep {channel} {article}` says that the shop's is right",
        "jemand hat es im Shop geändert ({differences}), und dort bleibt es so; `vario-relay "
        "shop-edit overwrite {channel} {article}` sendet wieder den Wert aus VARIO, `vario-relay "
        "shop-edit keep {channel} {article}` bestätigt den des Shops",
    ),
    "edit_waits": (
        "somebody changed it in the shop ({differences}), and a person has to decide: `vario-relay "
        "shop-edit overwrite {channel} {article}` sends the ERP's value, `vario-relay shop-edit "
        "keep {channel} {article}` leaves the shop's",
        "jemand hat es im Shop geändert ({differences}), und jemand muss entscheiden: `vario-relay "
        "shop-edit overwrite {channel} {article}` sendet den Wert aus VARIO, `vario-relay "
        "shop-edit keep {channel} {article}` lässt den des Shops",
    ),
    "edit_kept": (
        "it was changed in the shop ({differences}), and {by} left it so",
        "es wurde im Shop geändert ({differences}), und {by} hat es so gelassen",
    ),
    "edited_in_shop": (
        "the shop shows other values than were sent: {differences}; somebody changed them there, "
        "`vario-relay sync {channel} --force` sends ours again",
        "der Shop zeigt andere Werte als gesendet: {differences}; jemand hat sie dort geändert, "
        "`vario-relay sync {channel} --force` sendet unsere noch einmal",
    ),
    "edited_stock": (
        "the shop shows another stock than was sent: {differences}; somebody changed it there, or "
        "it was sold and the ERP does not know yet",
        "der Shop zeigt einen anderen Bestand als gesendet: {differences}; jemand hat ihn dort "
        "geändert, oder es wurde verkauft und VARIO weiß es noch nicht",
    ),
}


def sentence(
    key: str, language: Language, values: Mapping[str, object], topic: Topic | None = None
) -> str:
    """The sentence of a key in a language, filled with its values."""
    shown: dict[str, Any] = {name: _shown(value, language) for name, value in values.items()}
    if "ahead" in values and values["ahead"] == MAX_AHEAD:
        shown["ahead"] = f"{MAX_AHEAD}+"
    if topic is not None:
        shown["topic"] = TOPIC_NAMES[topic][language]
    if "eta" in values:
        shown["eta"] = _eta(values["eta"], language)
    return TEXT_BY_KEY[key][language].format(**shown)


def _shown(value: object, language: Language) -> str:
    if isinstance(value, Kind):
        return KIND_NAMES[value][language]
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M:%S} UTC"
    if isinstance(value, Decimal):
        return f"{value:.2f}".replace(".", ",") if language is Language.DE else f"{value:.2f}"
    return str(value)


def _eta(seconds: object, language: Language) -> str:
    if not isinstance(seconds, float):
        return ("how long that takes nobody can tell", "wie lange das dauert, ist offen")[language]
    text = f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"
    return (f"about {text}", f"etwa {text}")[language]
