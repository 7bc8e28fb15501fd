//! `amplio serve`: a server that makes pictures larger for many people.

mod buckets;

use std::path::{Path, PathBuf};

use amplio_service::{Log, SETTINGS, Service, Setting, Settings, new_key};
use anyhow::{Result, anyhow};
use clap::{Arg, ArgMatches, Command};

use crate::outcome::{Failure, Outcome};
use crate::terminal;

/// Variables that other servers use for the same.
const ALSO: [(&str, &str); 2] = [("SSL_CERT", "tls-cert"), ("SSL_KEY", "tls-key")];

/// What was typed.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Args {
    /// A TOML file of settings; flags and variables of the environment (AMPLIO_LISTEN for --listen) count more.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Say what the settings are and whether they are sound, and start nothing.
    #[arg(long)]
    check: bool,
    /// Ask the server that runs with these settings on this machine whether it lives; for containers and watchdogs.
    #[arg(long, conflicts_with = "check")]
    probe: bool,
    /// Make an API key for someone: print it, and the line for the file of keys.
    #[arg(long, value_name = "WHO", conflicts_with_all = ["check", "probe"])]
    new_key: Option<String>,
    /// Do not tell about each request.
    #[arg(long)]
    quiet: bool,
    #[command(flatten)]
    flags: Flags,
}

/// The settings that were typed, by their names.
#[derive(Clone, Debug, Default)]
pub(crate) struct Flags(Vec<(&'static str, String)>);

impl clap::FromArgMatches for Flags {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let typed = SETTINGS
            .iter()
            .filter_map(|setting| Some((setting.name, matches.get_one::<String>(setting.name)?.clone())));
        Ok(Self(typed.collect()))
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

impl clap::Args for Flags {
    fn augment_args(command: Command) -> Command {
        command.args(SETTINGS.iter().map(flag))
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

fn flag(setting: &'static Setting) -> Arg {
    let usual = (setting.show)(&Settings::default());
    let flag = Arg::new(setting.name).long(setting.name).help_heading("Settings");
    match (setting.value, usual.as_str()) {
        ("", _) => flag
            .num_args(0..=1)
            .require_equals(true)
            .default_missing_value("true")
            .value_name("BOOL")
            .help(setting.help),
        (value, "") => flag.value_name(value).help(setting.help),
        (value, usual) => flag.value_name(value).help(format!("{} [default: {usual}]", setting.help)),
    }
}

/// Serves until it is stopped.
pub(crate) fn run(args: Args) -> Result<Outcome> {
    if let Some(who) = &args.new_key {
        let (key, line) = new_key(who).map_err(|error| Failure::usage(error.to_string()))?;
        terminal::note("The key, which is shown only now; then its line for the file of keys (--keys):");
        terminal::print(key)?;
        terminal::print(line)?;
        return Ok(Outcome::Done);
    }
    let settings = settings(&args)?;
    if args.probe {
        Service::probe(&settings)?;
        return Ok(Outcome::Done);
    }
    let checked = if args.check { Service::check(&settings) } else { settings.check() };
    checked.map_err(|error| Failure::usage(error.to_string()))?;
    if args.check {
        terminal::print(table(&settings))?;
        return Ok(Outcome::Done);
    }
    let quiet = args.quiet;
    let log = Log::new(move |line| {
        if !quiet {
            terminal::note(line);
        }
    });
    let service = Service::start(settings, log)?;
    let line = format!("listening on {}", service.address());
    let mut printed = Ok(());
    service.wait(|| printed = terminal::print(line))?;
    printed.map(|()| Outcome::Done)
}

/// Flags before variables before the file.
fn settings(args: &Args) -> Result<Settings> {
    let mut settings = Settings::default();
    let mut set = |name: &str, value: &str, from: &str| {
        settings.set(name, value).map_err(|error| Failure::usage(format!("{from}: {error}")))
    };
    if let Some(path) = &args.config {
        for (name, value) in file(path)? {
            set(&name, &value, &path.display().to_string())?;
        }
    }
    for (variable, name) in ALSO {
        if let Ok(value) = std::env::var(variable) {
            set(name, &value, variable)?;
        }
    }
    for setting in SETTINGS {
        let variable = setting.variable();
        if let Ok(value) = std::env::var(&variable) {
            set(setting.name, &value, &variable)?;
        }
    }
    for (name, value) in &args.flags.0 {
        set(name, value, &format!("--{name}"))?;
    }
    settings.storage_options = buckets::options();
    Ok(settings)
}

/// The settings of a TOML file.
fn file(path: &Path) -> Result<Vec<(String, String)>> {
    let text = std::fs::read_to_string(path).map_err(|error| anyhow!("{}: {error}", path.display()))?;
    let broken = |error: toml::de::Error| {
        let before = error.span().and_then(|place| text.get(..place.start)).unwrap_or_default();
        let line = before.matches('\n').count() + 1;
        Failure::usage(format!("{}, line {line}: {}", path.display(), error.message()))
    };
    let table: toml::Table = text.parse().map_err(broken)?;
    let settings = table.into_iter().map(|(name, value)| match plain(&value) {
        Some(text) => Ok((name, text)),
        None => Err(Failure::usage(format!(
            "{}: {name} is a text, a whole number, true, false or a list of these",
            path.display()
        ))),
    });
    settings.collect()
}

/// A value as it would be typed.
fn plain(value: &toml::Value) -> Option<String> {
    match value {
        toml::Value::String(text) => Some(text.clone()),
        toml::Value::Integer(number) => Some(number.to_string()),
        toml::Value::Boolean(switch) => Some(switch.to_string()),
        toml::Value::Array(values) => {
            values.iter().map(plain).collect::<Option<Vec<_>>>().map(|v| v.join(","))
        }
        _ => None,
    }
}

fn table(settings: &Settings) -> String {
    let head = ["setting", "variable", "value", "meaning"].map(str::to_owned).to_vec();
    let rows = SETTINGS.iter().map(|setting| {
        let value = (setting.show)(settings);
        vec![
            setting.name.into(),
            setting.variable(),
            if value.is_empty() { "-".into() } else { value },
            setting.help.into(),
        ]
    });
    terminal::table(&[head].into_iter().chain(rows).collect::<Vec<_>>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_of_settings_is_read() {
        let path = tempfile::NamedTempFile::new().expect("a file");
        let read = |text: &str| {
            std::fs::write(path.path(), text).expect("written");
            file(path.path()).map_err(|error| error.to_string())
        };
        let settings =
            read("listen = '127.0.0.1:1'\nparallel = 3\nstorage = ['file:/a', 's3://b']").expect("sound");
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert!(
            settings.contains(&pair("storage", "file:/a,s3://b"))
                && settings.contains(&pair("parallel", "3"))
        );
        assert!(read("listen = '127.0.0.1:1'\nparallel = ").is_err_and(|e| e.contains(", line 2: ")));
        for other in ["a = 1.5", "a = 2026-01-01", "a = [1.5]", "[a]\nb = 1"] {
            assert!(read(other).is_err_and(|e| e.contains("a is a text, a whole number")), "{other}");
        }
    }
}
