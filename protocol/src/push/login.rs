//! What travels in Bind 2: the device's cursor at login, the server's answer; and what of it changes later, user and heartbeat.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::{Generation, field};
use crate::{DateTime, Element, FieldError, ns};

const PUSH: &str = "push";
const USER: &str = "user";
const HEARTBEAT: &str = "heartbeat";

/// Up to where a device has durably stored everything addressed to it, or what the server makes of that.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cursor {
    /// The generation in which the positions count.
    pub generation: Generation,
    /// The position in the normal lane.
    pub normal: u64,
    /// The position in the background lane.
    pub background: u64,
}

impl Cursor {
    fn write(self, element: Element) -> Element {
        element
            .with_attr("generation", self.generation)
            .with_attr("normal", self.normal)
            .with_attr("background", self.background)
    }
}

/// `<push/>` in a Bind 2 request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Login {
    /// The device's cursor; none at a first login.
    pub cursor: Option<Cursor>,
    /// The longest silence that the device promises, in seconds.
    pub heartbeat_s: Option<u32>,
    /// The installation secret.
    pub installation: Option<[u8; 16]>,
}

impl Login {
    /// Reads `<push/>` of a request.
    ///
    /// # Errors
    /// Names the attribute; of `generation`, `normal` and `background` all or none must be there.
    pub fn from_element(element: &Element) -> Result<Self, FieldError> {
        field::expect(element, PUSH)?;
        let stated = ["generation", "normal", "background"].iter().any(|name| element.attr(name).is_some());
        let cursor = if stated { Some(read_cursor(element)?) } else { None };
        let installation = element.attr("installation").map(read_installation).transpose()?;
        Ok(Self { cursor, heartbeat_s: read_seconds(element, PUSH, "heartbeat")?, installation })
    }

    /// The element.
    #[must_use]
    pub fn to_element(&self) -> Element {
        let element = Element::new(ns::PUSH, PUSH);
        let element = match self.cursor {
            Some(cursor) => cursor.write(element),
            None => element,
        };
        element
            .with_opt_attr("heartbeat", self.heartbeat_s)
            .with_opt_attr("installation", self.installation.map(|secret| URL_SAFE_NO_PAD.encode(secret)))
    }
}

/// `<push/>` in `<bound/>`: the effective and the recorded cursor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bound {
    /// The server's id of the device.
    pub device: String,
    /// The effective cursor: the session sends what lies above it.
    pub cursor: Cursor,
    /// What the server had recorded as acknowledged in the normal lane.
    pub recorded_normal: u64,
    /// What the server had recorded as acknowledged in the background lane.
    pub recorded_background: u64,
    /// The server's time.
    pub time: DateTime,
    /// The shortest heartbeat interval that the server wants, in seconds; none when it leaves that to the device.
    pub heartbeat_min_s: Option<u32>,
    /// The longest silence that the server admits, in seconds.
    pub heartbeat_max_s: u32,
    /// The user whom the device is bound to.
    pub user: Option<String>,
}

impl Bound {
    /// Reads `<push/>` of an answer.
    ///
    /// # Errors
    /// Names the attribute that is missing or unreadable.
    pub fn from_element(element: &Element) -> Result<Self, FieldError> {
        field::expect(element, PUSH)?;
        let missing = |field| FieldError::Missing { element: PUSH, field };
        Ok(Self {
            device: field::optional_text(element, PUSH, "device")?.ok_or(missing("device"))?,
            cursor: read_cursor(element)?,
            recorded_normal: field::required_number(element, PUSH, "recorded-normal")?,
            recorded_background: field::required_number(element, PUSH, "recorded-background")?,
            time: field::required(element, PUSH, "time")?,
            heartbeat_min_s: read_seconds(element, PUSH, "heartbeat-min")?,
            heartbeat_max_s: read_seconds(element, PUSH, "heartbeat-max")?.ok_or(missing("heartbeat-max"))?,
            user: field::optional_text(element, PUSH, "user")?,
        })
    }

    /// The element.
    #[must_use]
    pub fn to_element(&self) -> Element {
        let element = Element::new(ns::PUSH, PUSH).with_attr("device", &self.device);
        self.cursor
            .write(element)
            .with_attr("recorded-normal", self.recorded_normal)
            .with_attr("recorded-background", self.recorded_background)
            .with_attr("time", self.time)
            .with_opt_attr("heartbeat-min", self.heartbeat_min_s)
            .with_attr("heartbeat-max", self.heartbeat_max_s)
            .with_opt_attr("user", self.user.as_ref())
    }
}

/// `<user/>` from the server: whom the device is bound to from now on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserChanged {
    /// The user; none when the device was unbound.
    pub name: Option<String>,
}

impl UserChanged {
    /// Reads `<user/>`.
    ///
    /// # Errors
    /// When it is another element or the name is empty.
    pub fn from_element(element: &Element) -> Result<Self, FieldError> {
        field::expect(element, USER)?;
        Ok(Self { name: field::optional_text(element, USER, "name")? })
    }

    /// The element.
    #[must_use]
    pub fn to_element(&self) -> Element {
        Element::new(ns::PUSH, USER).with_opt_attr("name", self.name.as_ref())
    }
}

/// `<heartbeat/>` from the device: the longest silence that it promises from now on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HeartbeatChanged {
    /// Seconds.
    pub seconds: u32,
}

impl HeartbeatChanged {
    /// Reads `<heartbeat/>`.
    ///
    /// # Errors
    /// When it is another element, or `seconds` is missing or unreadable.
    pub fn from_element(element: &Element) -> Result<Self, FieldError> {
        field::expect(element, HEARTBEAT)?;
        let seconds = read_seconds(element, HEARTBEAT, "seconds")?;
        Ok(Self { seconds: seconds.ok_or(FieldError::Missing { element: HEARTBEAT, field: "seconds" })? })
    }

    /// The element.
    #[must_use]
    pub fn to_element(self) -> Element {
        Element::new(ns::PUSH, HEARTBEAT).with_attr("seconds", self.seconds)
    }
}

fn read_cursor(element: &Element) -> Result<Cursor, FieldError> {
    Ok(Cursor {
        generation: field::required(element, PUSH, "generation")?,
        normal: field::required_number(element, PUSH, "normal")?,
        background: field::required_number(element, PUSH, "background")?,
    })
}

fn read_seconds(element: &Element, kind: &'static str, name: &'static str) -> Result<Option<u32>, FieldError> {
    let seconds = field::number(element, kind, name)?.map(u32::try_from).transpose();
    seconds.map_err(|_| FieldError::Invalid { element: kind, field: name })
}

fn read_installation(text: &str) -> Result<[u8; 16], FieldError> {
    let bytes = URL_SAFE_NO_PAD.decode(text).ok().and_then(|bytes| bytes.try_into().ok());
    bytes.ok_or(FieldError::Invalid { element: PUSH, field: "installation" })
}
