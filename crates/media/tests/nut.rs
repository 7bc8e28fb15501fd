//! NUT: what is written is read, and what is broken is refused.

use amplio_media::videos::Ratio;
use amplio_media::videos::nut::{Packet, Reader, Stream, Writer};

const LARGEST: u64 = 1 << 20;

fn stream() -> Stream {
    Stream {
        fourcc: b"H264".to_vec(),
        time_base: Ratio { num: 1001, den: 24000 },
        decode_delay: 2,
        codec_private: (0..=255).cycle().take(5000).collect(),
        width: 640,
        height: 360,
        sample_aspect: Some(Ratio { num: 8, den: 9 }),
        transparent: false,
    }
}

fn packets() -> Vec<Packet> {
    let order = [0, 3, 1, 2, 70_000, 4, 5_000_000_000, 5_000_000_001];
    let packet = |(i, &pts): (usize, &i64)| Packet {
        pts,
        key: i == 0 || i == 6,
        data: vec![i as u8; [0, 1, 40_000, 77][i % 4]],
        alpha: Vec::new(),
    };
    order.iter().enumerate().map(packet).collect()
}

fn written() -> Vec<u8> {
    let mut writer = Writer::new(Vec::new(), &stream()).expect("headers");
    packets().iter().for_each(|packet| writer.packet(packet).expect("a packet"));
    writer.finish().expect("bytes")
}

/// All packets, or none if anything is wrong.
fn read(bytes: &[u8]) -> Option<(Stream, Vec<Packet>)> {
    let mut reader = Reader::new(bytes, LARGEST).ok()?;
    let packets = std::iter::from_fn(|| reader.packet().transpose()).collect::<Result<_, _>>().ok()?;
    Some((reader.stream().clone(), packets))
}

#[test]
fn what_was_written_is_read() {
    assert_eq!(read(&written()), Some((stream(), packets())));
}

#[test]
fn packets_may_be_transparent() {
    let stream = Stream { transparent: true, ..stream() };
    let clear = |(i, packet): (usize, Packet)| Packet { alpha: vec![9; [0, 3, 5000][i % 3]], ..packet };
    let packets: Vec<Packet> = packets().into_iter().enumerate().map(clear).collect();
    let mut writer = Writer::new(Vec::new(), &stream).expect("headers");
    packets.iter().for_each(|packet| writer.packet(packet).expect("a packet"));
    assert_eq!(read(&writer.finish().expect("bytes")), Some((stream, packets)));
}

#[test]
fn times_before_zero_are_refused() {
    let mut writer = Writer::new(Vec::new(), &stream()).expect("headers");
    assert!(writer.packet(&Packet { pts: -1, key: true, data: Vec::new(), alpha: Vec::new() }).is_err());
}

#[test]
fn what_is_cut_is_noticed_unless_it_is_cut_between_packets() {
    let bytes = written();
    let whole = packets();
    for end in (0..bytes.len()).filter(|end| *end < 6000 || end % 97 == 0) {
        if let Some((_, packets)) = read(&bytes[..end]) {
            assert!(packets.len() < whole.len() && packets == whole[..packets.len()], "{end}");
        }
    }
}

#[test]
fn changed_bytes_are_noticed_everywhere_but_in_the_packets_themselves() {
    let bytes = written();
    let shape = |read: Option<(Stream, Vec<Packet>)>| {
        read.map(|(stream, packets)| {
            (stream, packets.iter().map(|p| (p.pts, p.key, p.data.len())).collect::<Vec<_>>())
        })
    };
    let whole = shape(read(&bytes)).expect("unchanged");
    // Steps that are coprime to everything reach all kinds of bytes.
    for place in
        (0..bytes.len()).filter(|place| *place < 300 || (5100..5400).contains(place) || place % 613 == 0)
    {
        for change in [1, 0x80, 0xFF] {
            let mut changed = bytes.clone();
            changed[place] ^= change;
            if let Some(read) = shape(read(&changed)) {
                assert_eq!(read, whole, "byte {place} ^ {change}");
            }
        }
    }
}

#[test]
fn promises_take_no_memory() {
    let mut writer = Writer::new(Vec::new(), &stream()).expect("headers");
    writer.packet(&Packet { pts: 0, key: true, data: vec![7; 2000], alpha: Vec::new() }).expect("a packet");
    let bytes = writer.finish().expect("bytes");
    let mut reader = Reader::new(&bytes[..], 1999).expect("headers");
    assert!(reader.packet().expect_err("too large").to_string().contains("2000"));
    let mut reader = Reader::new(&bytes[..bytes.len() - 1], u64::MAX).expect("headers");
    assert!(reader.packet().is_err());
}
