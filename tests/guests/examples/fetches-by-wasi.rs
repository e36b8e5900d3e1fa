//! Fetches by a library of its language's, which knows nothing of hooks: `wstd`, and so `wasi:http`.

use boathook_sdk::prelude::*;
use wstd::http as wasi;
use wstd::runtime::block_on;

#[derive(Default)]
struct FetchesByWasi;

impl Hook for FetchesByWasi {
    fn routes(&self) -> Routes<Self> {
        Routes::new().before("ALL /fetches-by-wasi", Self::fetch).read_body()
    }
}

impl FetchesByWasi {
    fn fetch(&mut self, req: &mut Request, res: &mut Response) -> Result<Outcome> {
        let (method, url) = (req.method(), guests::wanted(req, "url")?);
        let times = guests::number(req, "times").unwrap_or(1);
        let mut client = wasi::Client::new();
        if let Some(ms) = guests::number(req, "timeout") {
            client.set_first_byte_timeout(std::time::Duration::from_millis(ms));
        }
        let body = req.body()?;
        let mut fetched = Ok((0, String::new()));
        for _ in 0..times {
            fetched = block_on(ask(&client, &method, &url, body.clone()));
        }
        match fetched {
            Ok((status, text)) => res.json(json!({ "status": status, "text": text })),
            Err(error) => res.bad_request(json!({ "error": format!("{error:?}") })),
        }
    }
}

async fn ask(
    client: &wasi::Client,
    method: &str,
    url: &str,
    body: Vec<u8>,
) -> Result<(u16, String), wasi::Error> {
    let request = wasi::Request::builder().method(method).uri(url).header("x-own", "1");
    let mut answer = client.send(request.body(body)?).await?;
    let text = String::from_utf8_lossy(answer.body_mut().contents().await?).into_owned();
    Ok((answer.status().as_u16(), text))
}

export!(FetchesByWasi, name = "fetches-by-wasi");
