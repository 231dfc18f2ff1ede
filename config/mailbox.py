"""The demo's mailbox: every letter that the portal has sent, open to whoever reaches it.

There only where `MAILBOX_PAGE` says so, which needs mail to be written to files (docs/decisions/0014).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Concatenate, ParamSpec

from django.conf import settings
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.cache import add_never_cache_headers
from django.views.decorators.http import require_safe

from config import mail_files

P = ParamSpec("P")
ON_A_PAGE = 50


def _in_the_demo(
    view: Callable[Concatenate[HttpRequest, P], HttpResponse],
) -> Callable[Concatenate[HttpRequest, P], HttpResponse]:
    @wraps(view)
    def opened(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
        if not settings.MAILBOX_PAGE:
            raise Http404
        response = view(request, *args, **kwargs)
        add_never_cache_headers(response)
        return response

    return opened


@require_safe
@_in_the_demo
def mailbox(request: HttpRequest) -> HttpResponse:
    q = request.GET.get("q", "").strip()
    found = [mail for mail in _mails() if mail.holds(q.split())]
    page = Paginator(found, ON_A_PAGE).get_page(request.GET.get("page"))
    return render(request, "config/mailbox.html", {"page": page, "q": q})


@require_safe
@_in_the_demo
def mailbox_letter(request: HttpRequest, letter: str) -> HttpResponse:
    mail = next((mail for mail in _mails() if mail.id == letter), None)
    if mail is None:
        raise Http404
    return render(request, "config/mailbox_letter.html", {"mail": mail, "pieces": mail_files.pieces(mail.text)})


def _mails() -> list[mail_files.Mail]:
    directory = settings.EMAIL_FILE_PATH  # type: ignore[misc]  # of EMAIL_URL, where it is filemail://
    return mail_files.read(Path(directory))
