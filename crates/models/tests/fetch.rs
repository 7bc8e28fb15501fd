//! Fetching from hosts that behave, and from hosts that do not.
#![cfg(feature = "download")]

#[path = "fetch/hosts.rs"]
mod hosts;
#[path = "fetch/lists.rs"]
mod lists;
#[path = "fetch/setting.rs"]
mod setting;
#[path = "fetch/sharing.rs"]
mod sharing;
#[path = "fetch/together.rs"]
mod together;
