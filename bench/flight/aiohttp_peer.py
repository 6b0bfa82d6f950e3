"""The requests of bench/flight.lua by aiohttp: python3 bench/flight/aiohttp_peer.py URL COUNT IN_FLIGHT"""
import asyncio
import sys

import aiohttp

url, count, in_flight = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
headers = {"Authorization": "Bearer 0123456789", "Accept": "application/json"}


async def main():
    good = 0
    left = iter(range(count))

    async def worker(session):
        nonlocal good
        for _ in left:
            async with session.get(url) as answer:
                await answer.read()
                good += answer.status == 200

    connector = aiohttp.TCPConnector(limit=in_flight)
    async with aiohttp.ClientSession(connector=connector, headers=headers) as session:
        await asyncio.gather(*(worker(session) for _ in range(in_flight)))
    print(f"{good} answers")


asyncio.run(main())
