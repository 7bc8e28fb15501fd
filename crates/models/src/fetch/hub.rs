//! What Hugging Face tells of a file before it sends it: for large files its digest and its size, in headers of its own
//! (<https://github.com/huggingface/huggingface_hub>, `file_download.py`).

use super::client::Client;
use super::reply::text;
use crate::catalogue::RemoteFile;

/// The file with what the hub tells of it, if it lies on the hub and the hub tells anything. If not, the request for the file
/// itself will say why.
pub(super) fn completed(client: &Client, file: &RemoteFile) -> RemoteFile {
    let mut file = file.clone();
    let [url] = &file.urls[..] else { return file };
    if !client.is_hub(url) || file.sha256.is_some() {
        return file;
    }
    if let Some(headers) = client.headers(url) {
        let tag = text(&headers, "x-linked-etag").map(|tag| tag.trim_matches('"'));
        file.sha256 = tag.and_then(|tag| tag.parse().ok());
        file.bytes = text(&headers, "x-linked-size").and_then(|size| size.parse().ok());
    }
    file
}
