//! What licences of models say. Their names are SPDX's (<https://spdx.org/licenses>).

/// Whether a licence forbids commercial use: Creative Commons' with `NC`, and others that say so.
pub fn is_non_commercial(licence: &str) -> bool {
    let upper = licence.to_ascii_uppercase();
    upper.split(|c: char| !c.is_ascii_alphanumeric()).any(|word| word == "NC" || word == "NONCOMMERCIAL")
}

/// A licence as people are told of it; what forbids commercial use says so.
pub fn told(licence: Option<&str>) -> String {
    match licence {
        None => "licence not known".into(),
        Some(licence) if is_non_commercial(licence) => format!("{licence}: not for commercial use"),
        Some(licence) => licence.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn non_commercial_licences_are_told() {
        for licence in ["CC-BY-NC-SA-4.0", "cc-by-nc-4.0", "PolyForm-Noncommercial-1.0.0"] {
            assert!(
                is_non_commercial(licence) && told(Some(licence)).contains("not for commercial"),
                "{licence}"
            );
        }
        for licence in ["CC-BY-4.0", "CC0-1.0", "MIT", "NCSA", "BSD-3-Clause"] {
            assert!(!is_non_commercial(licence), "{licence}");
        }
        assert_eq!(told(None), "licence not known");
    }
}
