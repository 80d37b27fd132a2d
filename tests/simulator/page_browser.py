# SPDX-License-Identifier: Apache-2.0
"""A browser without sockets for the pages on which a person plays the customer."""

import json
from html.parser import HTMLParser
from urllib.parse import urlencode

import pytest

from airflow_provider_sengo.simulator import pay_page
from airflow_provider_sengo.simulator.request import Request

QRIS = {
    "reference": "ORDER-7",
    "amount": 10000,
    "expiryMinutes": 30,
    "viewName": "Kopi Kita",
    "additionalInfo": {"callback": "http://127.0.0.1:9/notify"},
}


class Page(HTMLParser):
    """A page as a browser's tree would have it: tags with attributes, and the text in order."""

    def __init__(self, body):
        super().__init__()
        self.tags, self.words, self.open = [], [], []
        self.feed(body.decode())
        self.text = " ".join(" ".join(self.words).split())
        assert self.open == [], "every tag is closed"

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in ("meta", "br", "input", "path"):
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] != "style":
            self.words.append(data)

    def all(self, tag):
        return [attrs for name, attrs in self.tags if name == tag]

    @property
    def buttons(self):
        """Each form's address, which stands for its button."""
        return [form["action"] for form in self.all("form")]


class Browser:
    """Asks the pages without a socket, and follows where a form leads."""

    def __init__(self, client):
        self.client, self.world = client, client.world

    def create(self, **changes):
        reply = self.client.post("/qris", QRIS | changes)
        assert reply.status == 200, reply.body
        return json.loads(reply.body)["responseData"]

    def ask(self, method, path, **query):
        return pay_page.answer(self.world, Request(method, path, urlencode(query), {}))

    def open(self, path, status=200):
        reply = self.ask("GET", path)
        assert reply.status == status
        assert reply.content_type == "text/html; charset=UTF-8"
        page = Page(reply.body)
        page.headers, page.raw = dict(reply.headers), reply.body.decode()
        return page

    def click(self, address):
        reply = self.ask("POST", address)
        assert (reply.status, reply.body) == (303, b"")
        return self.open(dict(reply.headers)["location"])

    def status(self, reference="ORDER-7"):
        return self.world.payments(reference)[-1]["status"]


@pytest.fixture
def browser(make_client):
    """A world with nothing in it at a frozen time."""
    return Browser(make_client(per_day=0))
