//! The one thing this crate changes in an XMP packet: `tiff:Orientation`.

/// Sets every `tiff:Orientation` to 1, in place, both as attribute (`tiff:Orientation="6"`) and as element
/// (`<tiff:Orientation>6</tiff:Orientation>`).
pub(crate) fn set_upright(packet: &mut [u8]) {
    const NAME: &[u8] = b"tiff:Orientation";
    let mut at = 0;
    while let Some(found) = packet[at..].windows(NAME.len()).position(|w| w == NAME) {
        let mut i = at + found + NAME.len();
        at = i;
        while packet
            .get(i)
            .is_some_and(|b| matches!(b, b' ' | b'=' | b'>' | b'"' | b'\'' | b'\n' | b'\r' | b'\t'))
        {
            i += 1;
        }
        if i > at
            && matches!(packet.get(i), Some(b'1'..=b'8'))
            && !matches!(packet.get(i + 1), Some(b'0'..=b'9'))
        {
            packet[i] = b'1';
        }
    }
}

#[cfg(test)]
mod tests {
    use super::set_upright;

    #[test]
    fn attribute_and_element() {
        let mut p =
            br#"<a tiff:Orientation="6"/><tiff:Orientation>8</tiff:Orientation> tiff:Orientation"#.to_vec();
        set_upright(&mut p);
        assert_eq!(
            p,
            br#"<a tiff:Orientation="1"/><tiff:Orientation>1</tiff:Orientation> tiff:Orientation"#.to_vec()
        );
    }
}
