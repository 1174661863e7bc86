/* Replaces this page by the share or, while it asks for a password, the address by that of the share, so that the
   token of the link stays neither in the address bar nor in the history. */
"use strict";
{
  const { to, at } = document.body.dataset;
  if (to) location.replace(to);
  else history.replaceState(null, "", at);
}
