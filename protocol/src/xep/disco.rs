//! XEP-0030: service discovery.

use super::expect;
use crate::{Element, FieldError, Jid, ns};

/// What an entity is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The category, such as `server`.
    pub category: String,
    /// The type within it, such as `im`.
    pub kind: String,
    /// A name for people.
    pub name: Option<String>,
}

/// The answer to `disco#info`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Info {
    /// The node that was asked about.
    pub node: Option<String>,
    /// What the entity is.
    pub identities: Vec<Identity>,
    /// What it supports.
    pub features: Vec<String>,
}

/// One of the items of an entity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    /// Its address.
    pub jid: Jid,
    /// Its node.
    pub node: Option<String>,
    /// A name for people.
    pub name: Option<String>,
}

/// The answer to `disco#items`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Items {
    /// The node that was asked about.
    pub node: Option<String>,
    /// The items.
    pub items: Vec<Item>,
}

/// The payload of a question about information.
#[must_use]
pub fn info_request(node: Option<&str>) -> Element {
    Element::new(ns::DISCO_INFO, "query").with_opt_attr("node", node)
}

/// The payload of a question about items.
#[must_use]
pub fn items_request(node: Option<&str>) -> Element {
    Element::new(ns::DISCO_ITEMS, "query").with_opt_attr("node", node)
}

impl Info {
    /// Reads the answer.
    ///
    /// # Errors
    /// Names the attribute that is missing.
    pub fn from_element(element: &Element) -> Result<Self, FieldError> {
        expect(element, ns::DISCO_INFO, "query")?;
        let named = |name: &'static str| element.children().filter(move |child| child.is(ns::DISCO_INFO, name));
        let identities = named("identity").map(|identity| {
            Ok(Identity {
                category: attr(identity, "identity", "category")?,
                kind: attr(identity, "identity", "type")?,
                name: identity.attr("name").map(str::to_owned),
            })
        });
        Ok(Self {
            node: element.attr("node").map(str::to_owned),
            identities: identities.collect::<Result<_, FieldError>>()?,
            features: named("feature").map(|feature| attr(feature, "feature", "var")).collect::<Result<_, _>>()?,
        })
    }

    /// The element.
    #[must_use]
    pub fn to_element(&self) -> Element {
        let identities = self.identities.iter().map(|identity| {
            Element::new(ns::DISCO_INFO, "identity")
                .with_attr("category", &identity.category)
                .with_attr("type", &identity.kind)
                .with_opt_attr("name", identity.name.as_ref())
        });
        let features = self.features.iter().map(|name| Element::new(ns::DISCO_INFO, "feature").with_attr("var", name));
        info_request(self.node.as_deref()).with_children(identities).with_children(features)
    }
}

impl Items {
    /// Reads the answer.
    ///
    /// # Errors
    /// Names the attribute that is missing or unreadable.
    pub fn from_element(element: &Element) -> Result<Self, FieldError> {
        expect(element, ns::DISCO_ITEMS, "query")?;
        let items = element.children().filter(|child| child.is(ns::DISCO_ITEMS, "item")).map(|item| {
            let jid = Jid::new(&attr(item, "item", "jid")?);
            Ok(Item {
                jid: jid.map_err(|_| FieldError::Invalid { element: "item", field: "jid" })?,
                node: item.attr("node").map(str::to_owned),
                name: item.attr("name").map(str::to_owned),
            })
        });
        Ok(Self { node: element.attr("node").map(str::to_owned), items: items.collect::<Result<_, FieldError>>()? })
    }

    /// The element.
    #[must_use]
    pub fn to_element(&self) -> Element {
        let items = self.items.iter().map(|item| {
            Element::new(ns::DISCO_ITEMS, "item")
                .with_attr("jid", &item.jid)
                .with_opt_attr("node", item.node.as_ref())
                .with_opt_attr("name", item.name.as_ref())
        });
        items_request(self.node.as_deref()).with_children(items)
    }
}

fn attr(element: &Element, name: &'static str, field: &'static str) -> Result<String, FieldError> {
    element.attr(field).map(str::to_owned).ok_or(FieldError::Missing { element: name, field })
}
