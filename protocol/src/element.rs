//! XML elements as trees: building, looking up; `write` serialises them.

mod circular;
pub(crate) mod text;
pub(crate) mod write;

use std::borrow::Cow;

pub use circular::Circular;
pub use text::is_xml_text;

use crate::ns;

/// A string that is usually a constant of ours: namespaces and names.
pub type Name = Cow<'static, str>;

/// An attribute; namespace declarations are not attributes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attribute {
    /// Its namespace; empty for an attribute without prefix.
    pub ns: Name,
    /// Its local name.
    pub name: Name,
    /// Its value, unescaped.
    pub value: String,
}

/// A child of an element.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Node {
    /// An element.
    Element(Element),
    /// Text, unescaped; never two in a row when read from a stream.
    Text(String),
}

/// An XML element with its namespace resolved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Element {
    ns: Name,
    name: Name,
    attributes: Vec<Attribute>,
    children: Vec<Node>,
}

impl Element {
    /// Bytes of memory that it takes with all that is in it, about: for limits on what waits.
    #[must_use]
    pub fn memory_bytes(&self) -> usize {
        let attributes = self.attributes.iter().map(|attribute| size_of::<Attribute>() + attribute.value.len());
        let children = self.children.iter().map(|node| match node {
            Node::Element(element) => element.memory_bytes(),
            Node::Text(text) => size_of::<Node>() + text.len(),
        });
        size_of::<Node>() + attributes.sum::<usize>() + children.sum::<usize>()
    }

    /// An element without attributes and children.
    #[must_use]
    pub fn new(ns: impl Into<Name>, name: impl Into<Name>) -> Self {
        Self { ns: ns.into(), name: name.into(), attributes: Vec::new(), children: Vec::new() }
    }

    /// An element with these attributes, each once, and without children.
    pub(crate) const fn with_attributes(ns: Name, name: Name, attributes: Vec<Attribute>) -> Self {
        Self { ns, name, attributes, children: Vec::new() }
    }

    /// Adds or replaces the attribute `name` (of no namespace).
    #[must_use]
    pub fn with_attr(mut self, name: impl Into<Name>, value: impl ToString) -> Self {
        self.set_attr(name, value);
        self
    }

    /// Adds or replaces the attribute `name` if there is a value.
    #[must_use]
    pub fn with_opt_attr(self, name: impl Into<Name>, value: Option<impl ToString>) -> Self {
        match value {
            Some(value) => self.with_attr(name, value),
            None => self,
        }
    }

    /// Sets `xml:lang`.
    #[must_use]
    pub fn with_lang(mut self, lang: impl Into<String>) -> Self {
        self.set_attr_ns(ns::XML, "lang", lang);
        self
    }

    /// Appends a child element.
    #[must_use]
    pub fn with_child(mut self, child: Self) -> Self {
        self.push_child(child);
        self
    }

    /// Appends a child element if there is one.
    #[must_use]
    pub fn with_opt_child(self, child: Option<Self>) -> Self {
        match child {
            Some(child) => self.with_child(child),
            None => self,
        }
    }

    /// Appends child elements.
    #[must_use]
    pub fn with_children(mut self, children: impl IntoIterator<Item = Self>) -> Self {
        self.children.extend(children.into_iter().map(Node::Element));
        self
    }

    /// Appends text.
    #[must_use]
    pub fn with_text(mut self, text: impl Into<String>) -> Self {
        self.push_text(text);
        self
    }

    /// Appends a child of this element's namespace that holds `text`.
    #[must_use]
    pub fn with_text_child(self, name: impl Into<Name>, text: impl Into<String>) -> Self {
        let child = Self::new(self.ns.clone(), name).with_text(text);
        self.with_child(child)
    }

    /// Adds or replaces the attribute `name` (of no namespace).
    #[expect(clippy::needless_pass_by_value, reason = "callers pass numbers, strings and formatted values alike")]
    pub fn set_attr(&mut self, name: impl Into<Name>, value: impl ToString) {
        self.set_attr_ns("", name, value.to_string());
    }

    /// Adds or replaces the attribute `name` of namespace `ns`.
    pub fn set_attr_ns(&mut self, ns: impl Into<Name>, name: impl Into<Name>, value: impl Into<String>) {
        let (ns, name, value) = (ns.into(), name.into(), value.into());
        match self.attributes.iter_mut().find(|attribute| attribute.ns == ns && attribute.name == name) {
            Some(attribute) => attribute.value = value,
            None => self.attributes.push(Attribute { ns, name, value }),
        }
    }

    /// Adds an attribute that it does not have.
    pub(crate) fn push_attribute(&mut self, attribute: Attribute) {
        self.attributes.push(attribute);
    }

    /// Removes the attribute `name` (of no namespace).
    pub fn remove_attr(&mut self, name: &str) {
        self.attributes.retain(|attribute| !(attribute.ns.is_empty() && attribute.name == name));
    }

    /// Appends a child element.
    pub fn push_child(&mut self, child: Self) {
        self.children.push(Node::Element(child));
    }

    /// Appends text, to the last child if that is text.
    pub fn push_text(&mut self, text: impl Into<String>) {
        let text = text.into();
        if text.is_empty() {
            return;
        }
        match self.children.last_mut() {
            Some(Node::Text(last)) => last.push_str(&text),
            _ => self.children.push(Node::Text(text)),
        }
    }

    /// The namespace.
    #[must_use]
    pub fn ns(&self) -> &str {
        &self.ns
    }

    /// The namespace, for another element.
    pub(crate) fn ns_name(&self) -> Name {
        self.ns.clone()
    }

    /// The local name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether this is the element `name` of namespace `ns`.
    #[must_use]
    pub fn is(&self, ns: &str, name: &str) -> bool {
        self.ns == ns && self.name == name
    }

    /// The value of attribute `name` (of no namespace).
    #[must_use]
    pub fn attr(&self, name: &str) -> Option<&str> {
        self.attr_ns("", name)
    }

    /// The value of attribute `name` of namespace `ns`.
    #[must_use]
    pub fn attr_ns(&self, ns: &str, name: &str) -> Option<&str> {
        let found = self.attributes.iter().find(|attribute| attribute.ns == ns && attribute.name == name);
        found.map(|attribute| attribute.value.as_str())
    }

    /// `xml:lang` of this element itself.
    #[must_use]
    pub fn lang(&self) -> Option<&str> {
        self.attr_ns(ns::XML, "lang")
    }

    /// All attributes.
    #[must_use]
    pub fn attributes(&self) -> &[Attribute] {
        &self.attributes
    }

    /// All children, elements and text.
    #[must_use]
    pub fn nodes(&self) -> &[Node] {
        &self.children
    }

    /// The child elements.
    pub fn children(&self) -> impl Iterator<Item = &Self> {
        self.children.iter().filter_map(|node| match node {
            Node::Element(element) => Some(element),
            Node::Text(_) => None,
        })
    }

    /// The child elements, by value; text is dropped.
    pub fn into_children(self) -> impl Iterator<Item = Self> {
        self.children.into_iter().filter_map(|node| match node {
            Node::Element(element) => Some(element),
            Node::Text(_) => None,
        })
    }

    /// The first child element `name` of namespace `ns`.
    #[must_use]
    pub fn child(&self, ns: &str, name: &str) -> Option<&Self> {
        self.children().find(|child| child.is(ns, name))
    }

    /// Whether there is a child element `name` of namespace `ns`.
    #[must_use]
    pub fn has_child(&self, ns: &str, name: &str) -> bool {
        self.child(ns, name).is_some()
    }

    /// The text directly in this element, without that of its children.
    #[must_use]
    pub fn text(&self) -> String {
        let texts = self.children.iter().filter_map(|node| match node {
            Node::Element(_) => None,
            Node::Text(text) => Some(text.as_str()),
        });
        texts.collect()
    }

    /// The text of the first child `name` of namespace `ns`.
    #[must_use]
    pub fn child_text(&self, ns: &str, name: &str) -> Option<String> {
        self.child(ns, name).map(Self::text)
    }
}
