"""Reads HTML the way a browser does, as far as the tests need it."""

import html.parser


class PageReader(html.parser.HTMLParser):
    """Collects tags, attributes, tables and the text that shows; checks the nesting.

    Attributes:
        tags: The tags, in their order.
        attributes: All attributes, as pairs of name and value.
        text: What a reader sees, without style.
        tables: Of each table the rows, of each row the text of its cells.
        headings: The text of the headings.
    """

    EMPTY = frozenset({"meta", "path", "use", "rect", "img", "br"})

    def __init__(self, text):
        super().__init__()
        self.open, self.tags, self.attributes = [], [], []
        self.text, self.tables, self.headings = "", [], []
        self.feed(text)
        self.close()
        assert not self.open

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.attributes.extend(attributes)
        if tag not in self.EMPTY:
            self.open.append(tag)
        if tag == "table":
            self.tables.append([])
        elif tag == "tr":
            self.tables[-1].append([])
        elif tag in ("td", "th"):
            self.tables[-1][-1].append("")
        elif tag in ("h1", "h2", "h3"):
            self.headings.append("")

    def handle_endtag(self, tag):
        if tag not in self.EMPTY:
            assert self.open.pop() == tag

    def handle_data(self, data):
        if {"style", "script"} & set(self.open):
            return
        self.text += data
        if {"td", "th"} & set(self.open):
            self.tables[-1][-1][-1] += data
        if {"h1", "h2", "h3"} & set(self.open):
            self.headings[-1] += data

    def values(self, name):
        """All values of one attribute."""
        return [value for key, value in self.attributes if key == name]
