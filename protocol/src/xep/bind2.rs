//! XEP-0386: Bind 2, inside SASL2.

use super::expect;
use crate::push;
use crate::{Element, FieldError, ns};

/// The feature inside `<authentication><inline/>`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Feature {
    /// The names of what may be enabled while binding.
    pub inline: Vec<String>,
}

impl Feature {
    /// Reads the feature.
    ///
    /// # Errors
    /// When it is another element.
    pub fn from_element(element: &Element) -> Result<Self, FieldError> {
        expect(element, ns::BIND2, "bind")?;
        let inline = element.child(ns::BIND2, "inline").into_iter().flat_map(Element::children);
        let features = inline.filter(|child| child.is(ns::BIND2, "feature"));
        Ok(Self { inline: features.filter_map(|feature| feature.attr("var")).map(str::to_owned).collect() })
    }

    /// Whether the push extension may be enabled while binding.
    #[must_use]
    pub fn has_push(&self) -> bool {
        self.inline.iter().any(|name| name == ns::PUSH)
    }

    /// The element.
    #[must_use]
    pub fn to_element(&self) -> Element {
        let features = self.inline.iter().map(|name| Element::new(ns::BIND2, "feature").with_attr("var", name));
        let inline = Element::new(ns::BIND2, "inline").with_children(features);
        Element::new(ns::BIND2, "bind").with_opt_child((!self.inline.is_empty()).then_some(inline))
    }
}

/// The request `<bind/>` in `<authenticate/>`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Bind {
    /// The client's part of the resource.
    pub tag: Option<String>,
    /// What to enable: elements of other namespaces.
    pub inline: Vec<Element>,
}

impl Bind {
    /// A request of the push client.
    #[must_use]
    pub fn with_push(tag: &str, login: &push::Login) -> Self {
        Self { tag: Some(tag.to_owned()), inline: vec![login.to_element()] }
    }

    /// Reads the request.
    ///
    /// # Errors
    /// When it is another element.
    pub fn from_element(element: &Element) -> Result<Self, FieldError> {
        expect(element, ns::BIND2, "bind")?;
        let tag = element.child_text(ns::BIND2, "tag").filter(|tag| !tag.is_empty());
        Ok(Self { tag, inline: foreign_children(element) })
    }

    /// The push login, if there is one.
    ///
    /// # Errors
    /// Names the attribute that is missing or unreadable.
    pub fn push(&self) -> Result<Option<push::Login>, FieldError> {
        find_push(&self.inline).map(push::Login::from_element).transpose()
    }

    /// The element.
    #[must_use]
    pub fn to_element(&self) -> Element {
        let tag = self.tag.as_ref().map(|tag| Element::new(ns::BIND2, "tag").with_text(tag));
        Element::new(ns::BIND2, "bind").with_opt_child(tag).with_children(self.inline.iter().cloned())
    }
}

/// The answer `<bound/>` in `<success/>`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Bound {
    /// The answers to what was enabled.
    pub inline: Vec<Element>,
}

impl Bound {
    /// An answer to the push client.
    #[must_use]
    pub fn with_push(bound: &push::Bound) -> Self {
        Self { inline: vec![bound.to_element()] }
    }

    /// Reads the answer.
    ///
    /// # Errors
    /// When it is another element.
    pub fn from_element(element: &Element) -> Result<Self, FieldError> {
        expect(element, ns::BIND2, "bound")?;
        Ok(Self { inline: foreign_children(element) })
    }

    /// The push answer, if there is one.
    ///
    /// # Errors
    /// Names the attribute that is missing or unreadable.
    pub fn push(&self) -> Result<Option<push::Bound>, FieldError> {
        find_push(&self.inline).map(push::Bound::from_element).transpose()
    }

    /// The element.
    #[must_use]
    pub fn to_element(&self) -> Element {
        Element::new(ns::BIND2, "bound").with_children(self.inline.iter().cloned())
    }
}

fn foreign_children(element: &Element) -> Vec<Element> {
    element.children().filter(|child| child.ns() != ns::BIND2).cloned().collect()
}

fn find_push(inline: &[Element]) -> Option<&Element> {
    inline.iter().find(|element| element.is(ns::PUSH, "push"))
}
