"""Asking to take a sale back, from the sale's own page. What the evidence allows is decided in `vends/reversing`; what it does
not, a second person decides.
"""

from __future__ import annotations

import uuid
from typing import Any

from flask import Blueprint, g, request, url_for

from vending.errors import VendingError
from vending.services import Services
from vending.vends import queries, reversing
from vending.vends.plan import GAVE
from vending.vends.queries import SaleView, VendView
from vending.web import forms, gate, places, words
from vending.web.cashier.baskets import own_id
from vending.web.cashier.vends import charge_title, meters_of, title
from vending.web.words import _

room = Blueprint("reversals", __name__, url_prefix="/cashier/vends")


@room.route("/<key>/reversal", methods=["GET", "POST"])
@gate.needs("sale.reverse")
def ask(key: str) -> Any:
    services: Services = g.services
    with services.db.reading() as session:
        sale = queries.one_sale(session, key)
        places.refuse_elsewhere(sale.site_key)
        taken_back = reversing.of_orders(session, [vend.order_id for vend in sale.vends])
        meters = meters_of(session, services, [vend.meter_key for vend in sale.vends])
    back = url_for("vends.show", key=key)
    open_vends = [
        vend for vend in sale.vends if vend.state in ("paid", *GAVE) and vend.order_id not in taken_back
    ]
    orders = [(vend.order_id, _name(sale, vend, meters)) for vend in open_vends]
    form = forms.Form(
        page={
            "title": _("Ask to reverse this sale"),
            "crumbs": [{"label": sale.receipt, "url": back}, {"label": _("Reverse"), "url": ""}],
            "intro": _(
                "A token that was shown may still be used. Unless the meter proves that it cannot, a second person "
                "decides, and the money is kept for the customer."
            ),
        },
        fields=[
            forms.Field("id", "", "hidden", value=str(uuid.uuid4())),
            forms.Field("order", _("What is taken back"), "choose", options=orders),
            forms.Field(
                "why",
                _("Why"),
                "choose",
                value=request.args.get("why", ""),
                options=list(words.reversal_reasons().items()),
            ),
            forms.Field(
                "reason",
                _("What happened"),
                "area",
                needed=True,
                hint=_("In a few words: the second person and the credit note need it."),
                attributes={"maxlength": 400, "rows": 3},
            ),
        ],
        submit=_("Ask for the reversal"),
        back=back,
    )
    if not orders:
        return forms.done(_("Nothing of this sale can be taken back any more."), back)
    if request.method == "GET":
        return form.show()
    try:
        view = reversing.reverse(
            services.db,
            services.clock,
            services.module,
            g.actor,
            own_id(request.form.get("id")),
            _chosen(orders),
            why=forms.text("why"),
            reason=forms.text("reason"),
        )
    except VendingError as refused:
        return form.show(refused)
    return forms.done(said(view), back)


def _chosen(orders: list[tuple[str, str]]) -> str:
    """An order of this sale; the form cannot name one of another."""
    wanted = forms.text("order")
    if wanted not in dict(orders):
        raise forms.unfit(_("Choose what is taken back."), "order")
    return wanted


def said(view: reversing.ReversalView) -> str:
    """Where a reversal stands, in a sentence."""
    if view.state == "asked":
        return _("The reversal is asked for. A second person decides; until then the sale stands.")
    money = words.total(view.amount_minor, view.currency)
    if view.credit_note:
        return _(
            "Taken back. %(money)s is kept for the customer; credit note %(number)s.",
            money=money,
            number=view.credit_note,
        )
    return _("Taken back before a token was made. %(money)s is kept for the customer.", money=money)


def _name(sale: SaleView, vend: VendView, meters: dict[str, Any]) -> str:
    meter = meters.get(vend.meter_key)
    what = title(meter) if meter else charge_title(sale, vend)
    return f"{what}: {words.total(vend.paid_minor, sale.currency)}"
