//! How buckets are reached: the variables that everyone's tools know, and the files of AWS' own.

use std::collections::BTreeMap;
use std::path::PathBuf;

/// The beginnings of the names of such variables.
const PREFIXES: [&str; 3] = ["AWS_", "GOOGLE_", "AZURE_"];

/// All options for buckets, by the names of object stores' variables in lower case.
pub(super) fn options() -> Vec<(String, String)> {
    let buckets = std::env::vars().filter(|(name, _)| PREFIXES.iter().any(|prefix| name.starts_with(prefix)));
    let mut options: BTreeMap<_, _> = buckets.map(|(name, value)| (name.to_lowercase(), value)).collect();
    // Variables count more than files, and a key in a variable is never paired with a secret in a file.
    if !options.contains_key("aws_access_key_id") {
        for (name, value) in profile() {
            options.entry(format!("aws_{name}").to_lowercase()).or_insert(value);
        }
    }
    options.into_iter().collect()
}

/// What the shared files of AWS say about the profile in use.
fn profile() -> Vec<(String, String)> {
    let name = std::env::var("AWS_PROFILE").unwrap_or_else(|_| "default".into());
    let file = |variable: &str, usual: &str| {
        let given = std::env::var_os(variable).map(PathBuf::from);
        let path = given.or_else(|| Some(std::env::home_dir()?.join(".aws").join(usual)))?;
        std::fs::read_to_string(path).ok()
    };
    let credentials = file("AWS_SHARED_CREDENTIALS_FILE", "credentials").unwrap_or_default();
    let config = file("AWS_CONFIG_FILE", "config").unwrap_or_default();
    let long = format!("profile {name}");
    let mut found = section(&credentials, &name);
    found.extend(section(&config, if name == "default" { &name } else { &long }));
    const KNOWN: [&str; 5] =
        ["access_key_id", "secret_access_key", "session_token", "region", "endpoint_url"];
    let known = found.into_iter().map(|(name, value)| (name.trim_start_matches("aws_").to_owned(), value));
    known.filter(|(name, _)| KNOWN.contains(&name.as_str())).collect()
}

/// The pairs of a section of an INI file.
fn section(text: &str, name: &str) -> Vec<(String, String)> {
    let mut inside = false;
    let mut pairs = Vec::new();
    for line in text.lines().map(str::trim) {
        if let Some(title) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            inside = title.trim() == name;
        } else if let Some((key, value)) = line.split_once('=').filter(|_| inside && !line.starts_with('#')) {
            pairs.push((key.trim().to_lowercase(), value.trim().to_owned()));
        }
    }
    pairs
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sections_are_told_apart() {
        let text = "[default]\naws_access_key_id = A\n# b = c\n[profile work]\nregion=eu-1\n";
        assert_eq!(section(text, "default"), [("aws_access_key_id".to_owned(), "A".to_owned())]);
        assert_eq!(section(text, "profile work"), [("region".to_owned(), "eu-1".to_owned())]);
        assert!(section(text, "work").is_empty());
    }
}
