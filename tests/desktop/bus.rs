//! What a desktop environment offers on the session bus, stood in for by the test: a tray that shows icons, and a daemon
//! that shows notifications. Both write down what they were given and can be pressed.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
};

use zbus::{
    blocking::{Connection, Proxy, connection::Builder},
    interface,
    message::Header,
    zvariant::{OwnedObjectPath, OwnedValue, Structure, Value},
};

use crate::session::Desktop;

const WATCHER: &str = "org.kde.StatusNotifierWatcher";
const NOTIFICATIONS: &str = "org.freedesktop.Notifications";

/// The tray.
pub(crate) struct Tray {
    bus: Connection,
    items: Arc<Mutex<Vec<Item>>>,
}

/// An icon in the tray: whose, and where its object is.
#[derive(Clone)]
struct Item {
    owner: String,
    path: String,
}

struct Watcher(Arc<Mutex<Vec<Item>>>);

#[interface(name = "org.kde.StatusNotifierWatcher")]
impl Watcher {
    fn register_status_notifier_item(&self, service: &str, #[zbus(header)] header: Header<'_>) {
        let owner = header.sender().map(ToString::to_string).unwrap_or_default();
        self.0.lock().expect("nobody panics with it").push(Item { owner, path: service.to_owned() });
    }

    fn register_status_notifier_host(&self, _service: &str) {}

    #[zbus(property)]
    fn is_status_notifier_host_registered(&self) -> bool {
        true
    }

    #[zbus(property)]
    fn protocol_version(&self) -> i32 {
        0
    }

    #[zbus(property)]
    fn registered_status_notifier_items(&self) -> Vec<String> {
        self.0
            .lock()
            .expect("nobody panics with it")
            .iter()
            .map(|item| format!("{}{}", item.owner, item.path))
            .collect()
    }
}

impl Tray {
    /// Puts a tray onto the desktop.
    pub(crate) fn start(desktop: &Desktop) -> Self {
        let items = Arc::new(Mutex::new(Vec::new()));
        let bus = builder(desktop)
            .serve_at("/StatusNotifierWatcher", Watcher(items.clone()))
            .and_then(|builder| builder.name(WATCHER))
            .and_then(Builder::build)
            .expect("the bus takes the tray");
        Self { bus, items }
    }

    /// Has the program put its icon there?
    pub(crate) fn has_icon(&self) -> bool {
        !self.items.lock().expect("nobody panics with it").is_empty()
    }

    /// The words of the menu, from top to bottom.
    pub(crate) fn menu(&self) -> Vec<String> {
        self.entries().into_iter().map(|(_, label)| label).collect()
    }

    /// Presses an entry of the menu.
    pub(crate) fn press(&self, label: &str) {
        let (id, _) = self
            .entries()
            .into_iter()
            .find(|(_, of)| of == label)
            .unwrap_or_else(|| panic!("no entry {label}: {:?}", self.menu()));
        let _: () = self.menu_object().call("Event", &(id, "clicked", Value::from(0), 0u32)).expect("the menu answers");
    }

    fn item(&self) -> Item {
        self.items.lock().expect("nobody panics with it").last().expect("there is an icon").clone()
    }

    fn menu_object(&self) -> Proxy<'static> {
        let Item { owner, path } = self.item();
        let item = Proxy::new(&self.bus, owner.clone(), path, "org.kde.StatusNotifierItem").expect("an icon");
        let menu: OwnedObjectPath = item.get_property("Menu").expect("an icon has a menu");
        Proxy::new(&self.bus, owner, menu, "com.canonical.dbusmenu").expect("a menu")
    }

    fn entries(&self) -> Vec<(i32, String)> {
        type Entry = (i32, HashMap<String, OwnedValue>, Vec<OwnedValue>);
        let (_, (_, _, children)): (u32, Entry) =
            self.menu_object().call("GetLayout", &(0, -1, Vec::<String>::new())).expect("the menu answers");
        children
            .into_iter()
            .filter_map(|child| {
                let (id, about, _) = Entry::try_from(Structure::try_from(child).ok()?).ok()?;
                Some((id, String::try_from(about.get("label")?.try_clone().ok()?).ok()?))
            })
            .collect()
    }
}

/// The daemon that shows notifications.
pub(crate) struct Notifications {
    bus: Connection,
    seen: Arc<Mutex<Vec<Notification>>>,
}

/// A notification as it was shown.
#[derive(Clone, Debug)]
pub(crate) struct Notification {
    pub(crate) id: u32,
    pub(crate) title: String,
    pub(crate) body: String,
    /// Names and words of its buttons, in turn.
    pub(crate) actions: Vec<String>,
    pub(crate) withdrawn: bool,
}

struct Daemon(Arc<Mutex<Vec<Notification>>>);

#[interface(name = "org.freedesktop.Notifications")]
impl Daemon {
    #[expect(clippy::too_many_arguments, reason = "so is the method of the specification")]
    fn notify(
        &self,
        _app: &str,
        replaces: u32,
        _icon: &str,
        title: &str,
        body: &str,
        actions: Vec<String>,
        _hints: HashMap<String, OwnedValue>,
        _expires: i32,
    ) -> u32 {
        let mut seen = self.0.lock().expect("nobody panics with it");
        let id = if replaces == 0 { u32::try_from(seen.len()).expect("few") + 1 } else { replaces };
        seen.push(Notification { id, title: title.to_owned(), body: body.to_owned(), actions, withdrawn: false });
        id
    }

    fn close_notification(&self, id: u32) {
        self.0
            .lock()
            .expect("nobody panics with it")
            .iter_mut()
            .filter(|one| one.id == id)
            .for_each(|one| one.withdrawn = true);
    }

    fn get_capabilities(&self) -> Vec<String> {
        ["body", "body-markup", "actions"].map(str::to_owned).to_vec()
    }

    fn get_server_information(&self) -> (String, String, String, String) {
        ("test".to_owned(), "bellbird".to_owned(), "1".to_owned(), "1.2".to_owned())
    }
}

impl Notifications {
    /// Puts a daemon onto the desktop.
    pub(crate) fn start(desktop: &Desktop) -> Self {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let bus = builder(desktop)
            .serve_at("/org/freedesktop/Notifications", Daemon(seen.clone()))
            .and_then(|builder| builder.name(NOTIFICATIONS))
            .and_then(Builder::build)
            .expect("the bus takes the daemon");
        Self { bus, seen }
    }

    /// All that was shown so far.
    pub(crate) fn seen(&self) -> Vec<Notification> {
        self.seen.lock().expect("nobody panics with it").clone()
    }

    /// Presses a button of a notification.
    pub(crate) fn press(&self, id: u32, action: &str) {
        let none: Option<&str> = None;
        self.bus
            .emit_signal(none, "/org/freedesktop/Notifications", NOTIFICATIONS, "ActionInvoked", &(id, action))
            .expect("the bus carries it");
    }
}

fn builder(desktop: &Desktop) -> Builder<'static> {
    Builder::address(desktop.bus().as_str()).expect("an address of the bus")
}
