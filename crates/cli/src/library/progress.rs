//! What people see while something is fetched.

use std::ops::ControlFlow;

use amplio::models::fetch::Event;
use indicatif::{ProgressBar, ProgressStyle};

use crate::quantity::show_seconds;
use crate::{stop, terminal};

/// Follows what is fetched: a bar on a terminal, lines elsewhere. Unless a command listens to Ctrl-C already, Ctrl-C ends the
/// process at once, and what has arrived stays all the same.
pub(super) struct Progress {
    name: String,
    quiet: bool,
    bar: ProgressBar,
}

impl Progress {
    pub(super) fn new(name: &str, quiet: bool) -> Self {
        Self { name: name.into(), quiet, bar: ProgressBar::hidden() }
    }

    /// Something has happened.
    pub(super) fn tell(&mut self, event: Event<'_>) -> ControlFlow<()> {
        match event {
            Event::Waits => self.line(&format!("another process is fetching {}; waiting for it", self.name)),
            Event::Begins { earlier, total, .. } => self.begin(earlier, total),
            Event::Arrived(bytes) => self.bar.set_position(bytes),
            Event::Again { why, pause } => {
                self.bar.finish_and_clear();
                self.line(&format!("{why}; again in {}", show_seconds(pause.as_secs_f64())));
            }
            _ => {}
        }
        if stop::asked() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }

    fn begin(&mut self, earlier: u64, total: Option<u64>) {
        self.bar.finish_and_clear();
        if self.quiet || !terminal::is_watched() {
            return;
        }
        let (bar, template) = match total {
            Some(total) => (
                ProgressBar::new(total),
                "{prefix}  {bar:30} {bytes} of {total_bytes}  {bytes_per_sec}  {eta} left",
            ),
            None => (ProgressBar::no_length(), "{prefix}  {bytes}  {bytes_per_sec}"),
        };
        let style = ProgressStyle::with_template(template);
        self.bar = bar.with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
        self.bar.set_prefix(self.name.clone());
        // The speed is that of what arrives from now on.
        self.bar.set_position(earlier);
        self.bar.reset_eta();
    }

    fn line(&self, line: &str) {
        if !self.quiet {
            terminal::note(line);
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
