"""Pages for people: the front page, the API's description, the coverage map."""

from fastapi import APIRouter

router = APIRouter(include_in_schema=False)
