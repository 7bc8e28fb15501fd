//! This machine: warm models on its cores.

use std::sync::Arc;

use futures::FutureExt;
use futures::future::BoxFuture;

use super::{Answer, Provider, Work};
use crate::engine::cache::Made;
use crate::engine::models::Known;
use crate::engine::{Workshop, blocking, make};

pub(super) struct Local {
    shop: Arc<Workshop>,
}

impl Local {
    pub(super) fn new(shop: Arc<Workshop>) -> Self {
        Self { shop }
    }
}

impl Provider for Local {
    fn identity(&self, model: &str) -> Answer<String> {
        Ok(self.shop.models.find(model)?.identity())
    }

    fn models(&self) -> BoxFuture<'_, Answer<Vec<Known>>> {
        let shop = self.shop.clone();
        blocking(move || Ok(shop.models.known())).boxed()
    }

    fn enlarge(&self, work: Work) -> BoxFuture<'static, Answer<Arc<Made>>> {
        let shop = self.shop.clone();
        blocking(move || {
            let Work { task, content, watch, .. } = work;
            make::make(&shop, &task, &content, &*watch)
        })
        .boxed()
    }
}
