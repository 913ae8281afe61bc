"""What the page for signing in says."""

from dataclasses import dataclass, replace
from typing import Any, Literal
from urllib.parse import urlencode

from api.page_frame import page_frame
from gis.i18n import Language, translate


@dataclass(frozen=True, slots=True)
class SignInForm:
    """The page for signing in, as it is to be shown.

    Parameters
    ----------
    language
        Of its text.
    onward
        Path to go on to.
    login
        What was typed before.
    has_admin
        Whether there is an admin; else it says how to make one.
    why, seconds
        Why the last try was refused, and how long to wait.
    """

    language: Language
    onward: str = "/"
    login: str = ""
    has_admin: bool = True
    why: Literal["wrong", "wait"] | None = None
    seconds: str = ""

    def refused(self, why: Literal["wrong", "wait"], seconds: str = "") -> "SignInForm":
        """Return the page after a try that was refused."""
        return replace(self, why=why, seconds=seconds)


def sign_in_page(form: SignInForm) -> dict[str, Any]:
    """Return what the template shows, in a language."""
    language = form.language
    text = {
        "lead": translate("Grids, service stations and coverage of a subdistrict", language),
        "login": translate("Login", language),
        "password": translate("Password", language),
        "help": translate(
            "You have no account, or have lost the password? Ask an admin of your area.", language
        ),
    }
    notice = translate(
        "There is no admin yet. Make one: wangge user add NAME --role admin", language
    )
    return {
        **page_frame(language, lambda other: _same_in(form, other), text),
        "onward": form.onward,
        "login": form.login,
        "refusal": _refusal(form),
        "notice": "" if form.has_admin else notice,
    }


def _same_in(form: SignInForm, language: Language) -> str:
    return f"/login?{urlencode({'lang': language, 'next': form.onward})}"


def _refusal(form: SignInForm) -> str:
    if form.why == "wait":
        return translate(
            "There were too many tries from here. Come back in {seconds} s.",
            form.language,
            seconds=form.seconds,
        )
    if form.why == "wrong":
        return translate(
            "The login or the password is not right, or there were too many tries. After several "
            "wrong ones an account waits for up to 15 minutes.",
            form.language,
        )
    return ""
