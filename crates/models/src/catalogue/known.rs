use std::sync::LazyLock;

use super::Index;

/// The form is that of OpenModelDB's list, so that one reader reads both.
static KNOWN: LazyLock<Index> =
    LazyLock::new(|| Index::parse(include_bytes!("known.json")).unwrap_or_default());

/// The list that is part of the program: models of architectures that amplio loads, whose licences permit every use, on hosts
/// that send files to programs. The models inside the program ([`crate::builtin`]) are not among them.
pub fn known() -> &'static Index {
    &KNOWN
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::builtin;
    use crate::catalogue::licence;

    #[test]
    fn every_known_model_can_be_had() {
        assert_eq!(known().passed_over(), 0);
        assert!(known().entries().count() >= 30);
        let (mut digests, mut names) = (BTreeSet::new(), BTreeSet::new());
        for entry in known().entries() {
            let name = &entry.name;
            assert!(entry.known_architecture().is_some(), "{name}: {}", entry.architecture);
            let permits = entry.licence.as_deref().is_some_and(|it| !licence::is_non_commercial(it));
            assert!(permits && !entry.authors.is_empty() && !entry.description.is_empty(), "{name}");
            assert!(builtin::find(entry.key.as_str()).is_err() && builtin::find(name).is_err(), "{name}");
            assert!(names.insert(name.to_lowercase()), "{name} is there twice");
            let download = entry.download().unwrap_or_else(|error| panic!("{error}"));
            let [file] = &download.files[..] else { panic!("{name}: one file") };
            assert!(file.urls.iter().all(|url| url.starts_with("https://")), "{name}");
            assert!(file.bytes.is_some_and(|bytes| (100_000..1 << 30).contains(&bytes)), "{name}");
            assert!(file.sha256.is_some_and(|digest| digests.insert(digest)), "{name}: a digest of its own");
        }
    }

    #[test]
    fn the_family_is_there_under_its_names() {
        for name in [
            "RealESRGAN_x4plus",
            "RealESRGAN_x2plus",
            "RealESRGAN_x4plus_anime_6B",
            "realesr-general-wdn-x4v3",
        ] {
            assert!(known().find(name).is_some(), "{name}");
        }
    }
}
