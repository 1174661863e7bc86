/* Goes on to the share in place of this page, so that the link's token stays neither in the address bar nor in the history. */
location.replace(document.body.dataset.to);
